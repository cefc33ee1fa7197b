#pragma once

/* Forgets rows of the store that are older than the configuration keeps them: each hour. */
struct server;

void housekeeping_start(struct server *s);
