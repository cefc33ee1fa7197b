#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

/*
 * Stands in for libFuzzer: runs the target once for each file named, and for each file of a folder
 * named. Fails if it found none, so that a lost corpus does not go unnoticed.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	if (file == NULL || fstat(fileno(file), &st) != 0) {
		perror(path);
		return 1;
	}
	/* Exactly as large as the file, so that a read past it is seen. */
	size_t size = (size_t)st.st_size;
	uint8_t *data = mem_alloc(size);
	int result = fread(data, 1, size, file) == size ? 0 : 1;
	fclose(file);
	if (result == 0) {
		LLVMFuzzerTestOneInput(data, size);
		replayed++;
	}
	free(data);
	return result;
}

static int replay_folder(const char *path)
{
	DIR *dir = opendir(path);
	int result = 0;
	if (dir == NULL) {
		perror(path);
		return 1;
	}
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] != '.') {
			char *name = mem_printf("%s/%s", path, entry->d_name);
			result |= replay_file(name);
			free(name);
		}
	}
	closedir(dir);
	return result;
}

int main(int argc, char **argv)
{
	int result = 0;
	for (int i = 1; i < argc; i++) {
		struct stat st;
		bool is_folder = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
		result |= is_folder ? replay_folder(argv[i]) : replay_file(argv[i]);
	}
	printf("%u inputs replayed\n", replayed);
	return result != 0 || replayed == 0 ? 1 : 0;
}
