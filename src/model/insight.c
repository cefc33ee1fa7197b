#include "model/insight.h"

#include <stdlib.h>

void viewer_record_finish(struct viewer_record *r)
{
	free(r->viewer);
	free(r->name);
	free(r->neighborhood);
	*r = (struct viewer_record){0};
}

void viewer_records_free(struct viewer_record *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		viewer_record_finish(&rows[i]);
	free(rows);
}

void geography_records_free(struct geography_record *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(rows[i].neighborhood);
	free(rows);
}

void ingest_record_finish(struct ingest_record *r)
{
	free(r->video_codec);
	free(r->audio_codec);
	free(r->codecs);
	free(r->encoder);
	*r = (struct ingest_record){0};
}
