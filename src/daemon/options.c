#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { OPT_CONFIG = 'c', OPT_SET = 's', OPT_HELP = 'h', OPT_VERSION = 'V', OPT_CHECK = 1000 };

static const struct option long_options[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"set", required_argument, NULL, OPT_SET},
	{"check-config", no_argument, NULL, OPT_CHECK},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

void options_usage(void)
{
	puts("soukd: RTMP in, low-latency HLS out, VOD kept\n"
	     "\n"
	     "  soukd [--config FILE] [--set SECTION.KEY=VALUE]... [--check-config]\n"
	     "\n"
	     "  -c, --config FILE    read this file (default: conf/soukd.ini, else\n"
	     "                       /etc/souk/soukd.ini, if one is there)\n"
	     "  -s, --set S.K=V      override a key; stronger than SOUKD_S_K in the environment\n"
	     "      --check-config   only check the configuration\n"
	     "  -V, --version        print the version\n"
	     "  -h, --help           print this");
}

bool options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){.sets = mem_zalloc((size_t)argc * sizeof(*o->sets))};
	while ((c = getopt_long(argc, argv, "c:s:hV", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_CONFIG:
			o->config_path = optarg;
			break;
		case OPT_SET:
			o->sets[o->n_sets++] = optarg;
			break;
		case OPT_CHECK:
			o->check_config = true;
			break;
		case OPT_VERSION:
			o->version = true;
			break;
		case OPT_HELP:
			o->help = true;
			break;
		default:
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "soukd: unexpected argument: %s\n", argv[optind]);
		return false;
	}
	return true;
}

void options_finish(struct options *o)
{
	free(o->sets);
}
