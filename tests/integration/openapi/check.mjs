// Reads {document, answers} as JSON: is the document valid OpenAPI, and is each answer as it says?
// Writes a JSON list of what is wrong.
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { text } from "node:stream/consumers";

const { document, answers } = JSON.parse(await text(process.stdin));
const faults = [];

const valid = await new Validator().validate(structuredClone(document));
if (!valid.valid) faults.push({ document: valid.errors });

// OpenAPI 3.0's nullable is none of JSON Schema's words.
function plain(schema) {
	if (Array.isArray(schema)) return schema.map(plain);
	if (schema === null || typeof schema !== "object") return schema;
	const { nullable, ...rest } = schema;
	const out = Object.fromEntries(Object.entries(rest).map(([name, v]) => [name, plain(v)]));
	return nullable ? { anyOf: [{ type: "null" }, out] } : out;
}

const ajv = new Ajv({ strict: true, allErrors: true });
addFormats(ajv);
ajv.addVocabulary(["components"]);
ajv.addSchema({ $id: "souk", components: plain(document.components) });

// References inside the document point into the one schema that holds its components.
function absolute(schema) {
	const text = JSON.stringify(plain(schema));
	return JSON.parse(text.replaceAll('"#/components/', '"souk#/components/'));
}

const compiled = new Map();
function check(schema, value) {
	const key = JSON.stringify(schema);
	if (!compiled.has(key)) compiled.set(key, ajv.compile(absolute(schema)));
	const validate = compiled.get(key);
	return validate(value) ? [] : validate.errors.map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
}

for (const { method, route, status, type, body } of answers) {
	const where = `${method} ${route} ${status}`;
	const response = document.paths[route]?.[method.toLowerCase()]?.responses?.[status];
	if (!response) {
		faults.push({ where, why: "not documented", body });
		continue;
	}
	const schema = response.content?.["application/json"]?.schema;
	if (!schema) {
		if (status === 204 && body !== null) faults.push({ where, why: "a body", body });
		continue;
	}
	if (!type?.startsWith("application/json")) {
		faults.push({ where, why: `of type ${type}` });
		continue;
	}
	const wrong = check(schema, body);
	if (wrong.length) faults.push({ where, why: wrong, body });
	const codes = response["x-codes"];
	if (codes && body?.error && !codes.includes(body.error.code))
		faults.push({ where, why: `code ${body.error.code} is not documented` });
}
process.stdout.write(JSON.stringify(faults));
