/*-------------------------------------------------------------------------
 *
 * standalone.c
 *	  A plain driver of the harness, for machines without libFuzzer: it tries
 *	  the seeds, and random changes of them, for a time.
 *
 *	standalone SECONDS SEED FILE...
 *
 * It knows nothing of coverage; but with AddressSanitizer it finds reads out
 * of bounds as well.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_BYTES 65536

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state;

/* xorshift64* */
static uint64_t
next_random(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

static size_t
read_file(const char *name, uint8_t *out)
{
	FILE	   *file = fopen(name, "rb");
	size_t		size;

	if (file == NULL)
	{
		perror(name);
		exit(1);
	}
	size = fread(out, 1, MAX_BYTES, file);
	fclose(file);
	return size;
}

/* Change some bytes, cut some off, or append some */
static size_t
mutate(uint8_t *data, size_t size)
{
	int			changes = 1 + (int) (next_random() % 4);

	while (changes-- > 0)
	{
		size_t		at = size > 0 ? next_random() % size : 0;

		switch (next_random() % 5)
		{
			case 0:
				size = at;
				break;
			case 1:
				if (size < MAX_BYTES)
					data[size++] = (uint8_t) next_random();
				break;
			case 2:
				if (size > 0)
					data[at] = (uint8_t) next_random();
				break;
			default:
				if (size > 0)
					data[at] ^= (uint8_t) (1 << (next_random() & 7));
		}
	}
	return size;
}

int
main(int argc, char **argv)
{
	static uint8_t data[MAX_BYTES];
	time_t		end;
	unsigned long executions = 0;

	if (argc < 4)
	{
		fprintf(stderr, "usage: %s SECONDS SEED FILE...\n", argv[0]);
		return 2;
	}
	state = strtoull(argv[2], NULL, 10) * UINT64_C(0x9E3779B97F4A7C15) | 1;
	for (int i = 3; i < argc; i++)
	{
		LLVMFuzzerTestOneInput(data, read_file(argv[i], data));
		executions++;
	}
	end = time(NULL) + atoi(argv[1]);
	while (time(NULL) < end)
	{
		size_t		size = read_file(argv[3 + next_random() % (uint64_t) (argc - 3)], data);

		LLVMFuzzerTestOneInput(data, mutate(data, size));
		executions++;
	}
	fprintf(stderr, "Done %lu runs\n", executions);
	return 0;
}
