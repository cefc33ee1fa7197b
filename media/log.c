#define LOG_MODULE "libav"

#include "media/log.h"

#include <libavutil/log.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

__attribute__((format(printf, 3, 0))) static void to_log(
	void *object, int level, const char *fmt, va_list args)
{
	char text[512];
	const AVClass *class = object ? *(const AVClass **)object : NULL;

	if (level > AV_LOG_WARNING)
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	log_write(level <= AV_LOG_ERROR ? LOG_WARN : LOG_DEBUG, LOG_MODULE, "libav says",
		kv_str("from", class ? class->class_name : NULL), kv_str("text", text), KV_LAST);
}

void media_log_setup(void)
{
	av_log_set_callback(to_log);
}
