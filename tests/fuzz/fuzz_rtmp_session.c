#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "fuzz.h"
#include "proto/rtmp_handshake.h"
#include "proto/rtmp_session.h"

/*
 * A whole session. The handshake is done beforehand; the input is a row of pieces, each led by two
 * bytes: its length, and what the owner does before it (low bits) and how much time passes.
 */
struct owner {
	struct rtmp_session *session;
	uint64_t now, sum;
	bool closed, is_play;
};

static void on_publish(void *user, const struct rtmp_request *request)
{
	struct owner *o = user;
	o->is_play = false;
	must(strlen(request->key) > 0 && strlen(request->key) < RTMP_KEY_SIZE);
}

static void on_play(void *user, const struct rtmp_request *request)
{
	struct owner *o = user;
	o->is_play = true;
	must(strlen(request->key) > 0 && strlen(request->key) < RTMP_KEY_SIZE);
}

static void on_media(void *user, const struct rtmp_message *m)
{
	struct owner *o = user;
	for (size_t i = 0; i < m->len; i++) {
		o->sum += m->data[i];
	}
}

static void on_metadata(void *user, const struct rtmp_metadata *m)
{
	must(memchr(m->encoder, 0, sizeof(m->encoder)) != NULL);
}

static void on_data(
	void *user, const char *name, uint32_t timestamp, const uint8_t *amf, size_t len)
{
	struct owner *o = user;
	for (size_t i = 0; i < len; i++) {
		o->sum += amf[i];
	}
}

static void on_unpublish(void *user)
{
}

static void on_closed(void *user, enum rtmp_close reason)
{
	struct owner *o = user;
	must(!o->closed && reason != RTMP_CLOSE_NONE);
	o->closed = true;
}

static void on_script(
	void *user, const char *name, uint32_t timestamp, const uint8_t *body, size_t len)
{
	on_data(user, name, timestamp, body, len);
}

static void on_stop(void *user)
{
	struct owner *o = user;
	must(o->is_play);
}

static void on_pause(void *user, bool paused)
{
	on_stop(user);
}

static const struct rtmp_session_events events = {
	.publish = on_publish,
	.play = on_play,
	.media = on_media,
	.metadata = on_metadata,
	.data = on_data,
	.unpublish = on_unpublish,
	.script = on_script,
	.stop = on_stop,
	.pause = on_pause,
	.closed = on_closed,
};

static void shake(struct owner *o)
{
	static const uint8_t c0[1] = {3};
	static const uint8_t zeros[2 * RTMP_HANDSHAKE_SIZE];
	rtmp_session_input(o->session, c0, sizeof(c0), o->now);
	rtmp_session_input(o->session, zeros, sizeof(zeros), o->now);
}

static const uint8_t media[3000];
static const size_t config_fill = 10000;

static void act(struct owner *o, uint8_t action)
{
	o->now += (uint64_t)(action >> 4) * 400000;
	switch (action & 7) {
	case 0:
	case 1:
	case 2:
		rtmp_session_accept(o->session, o->now);
		break;
	case 3:
		rtmp_session_reject(o->session, RTMP_CLOSE_BAD_KEY, NULL, "refused");
		break;
	case 4:
		buf_consume(rtmp_session_output(o->session), rtmp_session_output(o->session)->len);
		break;
	case 5:
		rtmp_session_close(o->session, RTMP_CLOSE_KICKED, NULL);
		break;
	case 6:
		must(rtmp_session_playing(o->session) <= o->is_play);
		if (rtmp_session_output(o->session)->len < config_fill)
			rtmp_session_send(o->session, RTMP_TYPE_VIDEO, (uint32_t)(o->now / 1000),
				media, sizeof(media));
		break;
	default:
		break;
	}
	rtmp_session_tick(o->session, o->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clock_manual clock;
	clock_manual_init(&clock, 0);
	struct owner o = {.now = 1000000};
	struct rtmp_session_config config;
	rtmp_session_config_default(&config);
	config.message_max = 100000;
	config.held_max = 2000;
	config.output_max = 20000;
	o.session = rtmp_session_create(&config, &events, &o, &clock.clock, o.now);
	shake(&o);
	while (size >= 2) {
		size_t n = data[0];
		act(&o, data[1]);
		data += 2;
		size -= 2;
		n = n < size ? n : size;
		bool open = rtmp_session_input(o.session, data, n, o.now);
		must(open == !o.closed);
		must(rtmp_session_output(o.session)->len <= config.output_max + 4096 +
				(rtmp_session_playing(o.session) ? 2 * config.message_max : 0));
		data += n;
		size -= n;
	}
	rtmp_session_destroy(o.session);
	return 0;
}
