#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eio_private.h"

/*
 * A client that polls says goodbye in a POST while its poll is on its way by another connection.
 * Whichever comes first, the poll ends with a NOOP: its sid is remembered for a moment.
 */
#define PARTING_US 1000000

static void forget(struct eio_server *server, struct eio_parting *p)
{
	eio_wait_stop(&p->wait);
	map_remove_str(server->partings, p->sid);
	free(p);
}

void eio_parting_add(struct eio_server *server, const char sid[static EIO_SID_SIZE])
{
	struct eio_parting *p = mem_new(struct eio_parting);

	p->server = server;
	memcpy(p->sid, sid, EIO_SID_SIZE);
	map_put_str(server->partings, p->sid, p);
	eio_wait_init(&p->wait, EIO_WAIT_PARTING);
	eio_wait_start(server, &p->wait, loop_now_us(server->loop) + PARTING_US);
}

bool eio_parting_take(struct eio_server *server, const char *sid)
{
	struct eio_parting *p = map_get_str(server->partings, sid);
	bool known = p;

	if (known)
		forget(server, p);
	return known;
}

void eio_parting_expire(struct eio_wait *w)
{
	struct eio_parting *p = container_of(w, struct eio_parting, wait);

	forget(p->server, p);
}

void eio_partings_destroy(struct eio_server *server)
{
	void *parting;

	for (size_t pos = 0; map_next(server->partings, &pos, &parting); pos = 0)
		forget(server, parting);
	map_destroy(server->partings);
}
