#define LOG_MODULE "main"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/config.h"
#include "options.h"
#include "server.h"

/*~ Welcome. soukd is created from the lowest floor up in server_create, runs one event loop until
 * it has drained, and is destroyed in reverse. Follow the comments that begin like this one, file
 * by file, to see a video frame travel from an encoder to a player. Next stop: server.c. */

static struct config *load_config(const struct options *o)
{
	struct buf errors = {0};
	struct config_source source = {
		.path = o->config_path ? o->config_path : config_default_path(),
		.env = (const char *const *)environ,
		.sets = o->sets,
		.n_sets = o->n_sets,
	};
	struct config *config = config_load(&source, &errors);

	if (!config)
		fputs(buf_text(&errors), stderr);
	buf_finish(&errors);
	return config;
}

static int run(const struct options *o)
{
	struct config *config = load_config(o);
	struct server *server = NULL;
	int status = EXIT_FAILURE;

	if (!config)
		return EXIT_FAILURE;
	if (o->check_config) {
		printf("%s: ok\n", config->path ? config->path : "configuration");
		config_destroy(&config);
		return EXIT_SUCCESS;
	}
	server = server_create(config, o);
	if (server)
		status = server_run(server) ? EXIT_SUCCESS : EXIT_FAILURE;
	server_destroy(&server);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	int status = 2;

	if (!options_parse(&options, argc, argv)) {
		options_usage();
	} else if (options.help) {
		options_usage();
		status = EXIT_SUCCESS;
	} else if (options.version) {
		printf("soukd %s\n", SOUK_VERSION);
		status = EXIT_SUCCESS;
	} else {
		status = run(&options);
	}
	options_finish(&options);
	return status;
}
