#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The command line of soukd. */
struct options {
	const char *config_path; /* NULL: none was named */
	const char **sets; /* "section.key=value"; owned, the texts are argv's */
	size_t n_sets;
	bool check_config, version, help;
};

/* False with a line on stderr if the arguments make no sense. */
bool options_parse(struct options *o, int argc, char **argv);
void options_finish(struct options *o);
void options_usage(void);
