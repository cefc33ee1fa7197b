#include <string.h>

#include "base/must.h"
#include "fuzz.h"
#include "proto/rtmp_chunk.h"

struct digest {
	uint64_t sum;
	size_t messages;
	enum rtmp_close error;
};

static void add(struct digest *d, const struct rtmp_message *m)
{
	d->messages++;
	d->sum = d->sum * 31 + m->csid;
	d->sum = d->sum * 31 + m->type;
	d->sum = d->sum * 31 + m->stream_id;
	d->sum = d->sum * 31 + m->timestamp;
	for (size_t i = 0; i < m->len; i++) {
		d->sum = d->sum * 31 + m->data[i];
	}
}

static struct digest run(const uint8_t *data, size_t size, size_t piece)
{
	struct rtmp_chunk_limits limits = {
		.message_max = 70000, .chunk_max = 5000, .streams_max = 6, .partial_max = 500000};
	struct rtmp_chunk_reader *r = rtmp_chunk_reader_create(&limits);
	struct digest d = {0};
	while (size > 0 && d.error == RTMP_CLOSE_NONE) {
		size_t n = size < piece ? size : piece, used;
		struct rtmp_message m;
		enum rtmp_chunk_result result = rtmp_chunk_read(r, data, n, &used, &m);
		/* Bytes given back inside the reader may still hold a message. */
		while (result == RTMP_CHUNK_MESSAGE) {
			add(&d, &m);
			data += used;
			size -= used;
			n -= used;
			result = rtmp_chunk_read(r, data, n, &used, &m);
		}
		data += used;
		size -= used;
		must(result == RTMP_CHUNK_FAILED || used == n);
		must(rtmp_chunk_reader_partial(r) <= limits.partial_max);
		d.error = rtmp_chunk_reader_error(r);
	}
	rtmp_chunk_reader_destroy(r);
	return d;
}

/* However the bytes are cut, the same messages and the same error must come out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest whole = run(data, size, SIZE_MAX);
	static const size_t pieces[] = {1, 5, 200};
	for (size_t i = 0; i < 3; i++) {
		struct digest cut = run(data, size, pieces[i]);
		must(cut.sum == whole.sum && cut.messages == whole.messages &&
			cut.error == whole.error);
	}
	return 0;
}
