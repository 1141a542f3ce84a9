/* SPDX-License-Identifier: ISC */
/*
 * Runs a fuzz target over the files of a corpus folder, whole and cut at every length up to a
 * bound: the short form of fuzzing that each test run affords. Fails when the corpus is empty,
 * since then nothing was tested.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CUT_BELOW = 512 };

static void run(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(
		size != 0 ? size
			  /* exactly as long as the input: the sanitizer sees each step beyond */
			  : 1);

	if (copy == NULL)
		exit(1);
	for (size_t i = 0; i < size; i++)
		copy[i] = bytes[i];
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int run_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL)
		return -1;
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	run(bytes, size);
	for (size_t cut = 0; cut < size && cut < CUT_BELOW; cut++)
		run(bytes, cut);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned files = 0;
	struct dirent *entry;
	DIR *dir;

	if (argc != 2 || (dir = opendir(argv[1])) == NULL) {
		fprintf(stderr, "usage: %s corpus-folder\n", argv[0]);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		char path[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (run_file(path) == 0)
			files++;
	}
	closedir(dir);
	printf("%u files\n", files);
	return files != 0 ? 0 : 1;
}
