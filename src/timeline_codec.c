/*-------------------------------------------------------------------------
 *
 * timeline_codec.c
 *	  Encode, decode and validate the blocks of a timeline.
 *
 * See timeline_codec.h for the format.  Plain C: no palloc, no ereport.
 *
 * Memory safety does not rest on validation: the header is checked against
 * the block's end whenever it is read, and the column readers check each
 * group of values, which costs one comparison for eight of them.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline_codec.h"

#include <string.h>

#define BLOCK_SIZE_BYTES	2
#define MAX_VARINT_BYTES	10
#define UNIT_SHIFT			14
#define COUNT_MASK			(TIMELINE_BLOCK_EVENTS - 1)

/* Ids below this are sorted by marking them */
#define MAX_MARKED_ID		16384

static const int64_t time_units[] = {1000000, 1000, 1};

/* Octet coding: bytes of a value, and the bits that they hold, by length code */
static const uint8_t octet_length[8] = {0, 1, 2, 3, 4, 5, 6, 8};
static const uint64_t octet_mask[8] = {
	0, UINT64_C(0xff), UINT64_C(0xffff), UINT64_C(0xffffff),
	UINT64_C(0xffffffff), UINT64_C(0xffffffffff),
	UINT64_C(0xffffffffffff), UINT64_MAX
};

/*
 * Little-endian loads and stores.  Compilers turn them into one instruction
 * where the machine is little-endian.
 */
static inline uint64_t
load64(const uint8_t *p)
{
	uint64_t	v;

	memcpy(&v, p, sizeof(v));
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline void
store64(uint8_t *p, uint64_t v)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	memcpy(p, &v, sizeof(v));
}

static inline unsigned
load16(const uint8_t *p)
{
	return p[0] | (unsigned) p[1] << 8;
}

static inline void
store16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t) v;
	p[1] = (uint8_t) (v >> 8);
}

static inline uint64_t
zigzag(uint64_t difference)
{
	return (difference << 1) ^ (0 - (difference >> 63));
}

static inline uint64_t
unzigzag(uint64_t v)
{
	return (v >> 1) ^ (0 - (v & 1));
}

/* Bits that an index into a dictionary of this size takes */
static inline int
index_bits(int dict_size)
{
	return dict_size <= 1 ? 0 : 32 - __builtin_clz((unsigned) dict_size - 1);
}

static inline size_t
packed_bytes(int n, int bits)
{
	return ((size_t) n * (size_t) bits + 7) / 8;
}

static uint8_t *
put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80)
	{
		*p++ = (uint8_t) (v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t) v;
	return p;
}

/* Read a varint; NULL where it does not end before end or is over-long */
static const uint8_t *
get_varint(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	uint64_t	result = 0;

	for (int i = 0; i < MAX_VARINT_BYTES && p < end; i++)
	{
		uint8_t		byte = *p++;

		if (i == MAX_VARINT_BYTES - 1 && byte > 1)
			return NULL;
		result |= (uint64_t) (byte & 0x7f) << (7 * i);
		if (byte < 0x80)
		{
			*v = result;
			return p;
		}
	}
	return NULL;
}

/*----------
 * Decoding
 *----------
 */

/* Start reading a timeline; false where its version is unknown */
bool
timeline_cursor_init(TimelineCursor *cursor, const uint8_t *bytes, size_t size)
{
	if (size < 1 || bytes[0] != TIMELINE_VERSION)
		return false;
	cursor->next = bytes + 1;
	cursor->end = bytes + size;
	return true;
}

/* Find the columns of the next block */
TimelineResult
timeline_next_block(TimelineCursor *cursor, TimelineBlock *block)
{
	const uint8_t *p = cursor->next;
	const uint8_t *end;
	size_t		left = (size_t) (cursor->end - p);
	uint64_t	counts[6];		/* pauses, types, pages: how many, how many
								 * bytes */
	uint64_t	fixed;
	unsigned	head;
	unsigned	unit;
	unsigned	times_size;
	uint64_t	width;

	if (left == 0)
		return TIMELINE_END;
	if (left < BLOCK_SIZE_BYTES + 2 + 8)
		return TIMELINE_BAD;
	if (load16(p) > left - BLOCK_SIZE_BYTES)
		return TIMELINE_BAD;
	end = p + BLOCK_SIZE_BYTES + load16(p);
	block->start = p;
	block->end = end;
	p += BLOCK_SIZE_BYTES;
	if (end - p < 2 + 8)
		return TIMELINE_BAD;

	head = load16(p);
	unit = head >> UNIT_SHIFT;
	if (unit >= sizeof(time_units) / sizeof(time_units[0]) ||
		(head & ~(3U << UNIT_SHIFT)) > COUNT_MASK)
		return TIMELINE_BAD;
	block->nevents = (int) (head & COUNT_MASK) + 1;
	block->unit = time_units[unit];
	block->first_at = (int64_t) load64(p + 2);
	p += 2 + 8;
	if (block->first_at < TIMELINE_MIN_TIME || block->first_at >= TIMELINE_END_TIME)
		return TIMELINE_BAD;

	p = get_varint(p, end, &block->span);
	if (p == NULL)
		return TIMELINE_BAD;
	width = (uint64_t) TIMELINE_END_TIME - 1 - (uint64_t) block->first_at;
	if (block->span > width / (uint64_t) block->unit)
		return TIMELINE_BAD;
	block->last_at = (int64_t) ((uint64_t) block->first_at +
								block->span * (uint64_t) block->unit);

	if (end - p < 2)
		return TIMELINE_BAD;
	times_size = load16(p);
	p += 2;
	for (int i = 0; i < 6; i++)
	{
		p = get_varint(p, end, &counts[i]);
		if (p == NULL || counts[i] > UINT16_MAX)
			return TIMELINE_BAD;
	}
	if (counts[0] >= (uint64_t) block->nevents ||
		counts[2] < 1 || counts[2] > (uint64_t) block->nevents ||
		counts[4] < 1 || counts[4] > (uint64_t) block->nevents)
		return TIMELINE_BAD;
	block->npauses = (int) counts[0];
	block->ntypes = (int) counts[2];
	block->npages = (int) counts[4];

	/* The id column starts with eight bytes, which readers may overrun into */
	fixed = times_size + counts[1] + counts[3] + counts[5] +
		packed_bytes(block->nevents, index_bits(block->ntypes)) +
		packed_bytes(block->nevents, index_bits(block->npages));
	if ((uint64_t) (end - p) < fixed + 8)
		return TIMELINE_BAD;
	block->pauses = p;
	p += counts[1];
	block->times = p;
	p += times_size;
	block->times_end = p;
	block->type_dict = p;
	p += counts[3];
	block->types = p;
	p += packed_bytes(block->nevents, index_bits(block->ntypes));
	block->page_dict = p;
	p += counts[5];
	block->pages = p;
	p += packed_bytes(block->nevents, index_bits(block->npages));
	block->ids = p;

	cursor->next = end;
	return TIMELINE_OK;
}

/*
 * Reading an octet coded column, eight values at a time, which take at most 64
 * bytes.  Where less may be read, up to limit, the rest is copied into a buffer
 * with enough zeros behind it.
 */
typedef struct OctetReader
{
	const uint8_t *codes;
	const uint8_t *p;			/* the next value */
	const uint8_t *end;			/* of the column */
	const uint8_t *limit;
	bool		buffered;
	uint8_t		buffer[3 * 64];
} OctetReader;

static inline bool
octets_begin(OctetReader *reader, const uint8_t *p, const uint8_t *end, const uint8_t *limit, int n)
{
	if ((size_t) (end - p) < packed_bytes(n, 3))
		return false;
	reader->codes = p;
	reader->p = p + packed_bytes(n, 3);
	reader->end = end;
	reader->limit = limit;
	reader->buffered = false;
	return true;
}

/* The codes of the next eight values, or of what is left; at p, 64 bytes may be read then */
static inline uint32_t
octets_next(OctetReader *reader, int left)
{
	uint32_t	codes = reader->codes[0];

	if (!reader->buffered && reader->limit - reader->p < 64)
	{
		size_t		rest = (size_t) (reader->limit - reader->p);

		memcpy(reader->buffer, reader->p, rest);
		memset(reader->buffer + rest, 0, sizeof(reader->buffer) - rest);
		reader->end = reader->buffer + (reader->end - reader->p);
		reader->limit = reader->buffer + rest;
		reader->p = reader->buffer;
		reader->buffered = true;
	}
	if (left > 2)
		codes |= (uint32_t) reader->codes[1] << 8;
	if (left > 5)
		codes |= (uint32_t) reader->codes[2] << 16;
	reader->codes += 3;
	return left >= 8 ? codes : codes & ((UINT32_C(1) << (3 * left)) - 1);
}

/* Decode an octet coded column of n values; returns its size, or -1 */
static inline ptrdiff_t
decode_octets(const uint8_t *start, const uint8_t *end, const uint8_t *limit,
			  int n, uint64_t *out)
{
	OctetReader reader;

	if (!octets_begin(&reader, start, end, limit, n))
		return -1;
	for (int i = 0; i < n; i += 8)
	{
		uint32_t	c = octets_next(&reader, n - i);
		const uint8_t *p = reader.p;

		if (n - i >= 8)
		{
			/* A fixed count, for the compiler to unroll */
			for (int k = 0; k < 8; k++, c >>= 3)
			{
				out[i + k] = load64(p) & octet_mask[c & 7];
				p += octet_length[c & 7];
			}
		}
		else
		{
			for (int k = 0; k < n - i; k++, c >>= 3)
			{
				out[i + k] = load64(p) & octet_mask[c & 7];
				p += octet_length[c & 7];
			}
		}
		reader.p = p;
		if (p > reader.end)
			return -1;
	}
	return (end - start) - (reader.end - reader.p);
}

/* Of four codes: how many bytes their values take, and the largest of them */
typedef struct FourCodes
{
	uint8_t		bytes;
	uint8_t		largest;
} FourCodes;

static const FourCodes *
four_codes(void)
{
	static FourCodes table[1 << 12];

	if (table[1].bytes == 0)
	{
		for (unsigned codes = 0; codes < 1 << 12; codes++)
		{
			for (unsigned rest = codes; rest != 0; rest >>= 3)
			{
				table[codes].bytes += octet_length[rest & 7];
				if ((rest & 7) > table[codes].largest)
					table[codes].largest = rest & 7;
			}
		}
	}
	return table;
}

/* The columns of the pauses, in time units */
typedef struct PauseColumns
{
	uint64_t	lengths[TIMELINE_BLOCK_EVENTS];
	uint64_t	events[TIMELINE_BLOCK_EVENTS];	/* of the run before */
	uint64_t	spans[TIMELINE_BLOCK_EVENTS];	/* of that run */
} PauseColumns;

/* Decode the first ncolumns columns of the pauses */
static inline bool
decode_pauses(const TimelineBlock *block, int ncolumns, PauseColumns *pauses)
{
	uint64_t   *const columns[] = {pauses->lengths, pauses->events, pauses->spans};
	const uint8_t *p = block->pauses;

	for (int i = 0; i < ncolumns; i++)
	{
		ptrdiff_t	size = decode_octets(p, block->times, block->end, block->npauses, columns[i]);

		if (size < 0)
			return false;
		p += size;
	}
	return ncolumns < 3 || p == block->times;
}

/* Decode the time column to absolute times */
bool
timeline_block_times(const TimelineBlock *block, int64_t *out)
{
	uint64_t	unit = (uint64_t) block->unit;
	uint64_t	at = (uint64_t) block->first_at;
	uint64_t	offsets[TIMELINE_BLOCK_EVENTS];
	PauseColumns pauses;
	uint64_t	next = 0;
	int			n = block->nevents - 1;

	if (decode_octets(block->times, block->times_end, block->end, n, offsets) !=
		block->times_end - block->times ||
		!decode_pauses(block, 2, &pauses))
		return false;
	for (int i = 0; i < block->npauses; i++)
	{
		/* A pause stands before an event, and so the difference before it */
		if (pauses.events[i] - 1 >= (uint64_t) n - next)
			return false;
		next += pauses.events[i];
		offsets[next - 1] = pauses.lengths[i];
	}
	out[0] = block->first_at;
	for (int i = 0; i < n; i++)
	{
		at += offsets[i] * unit;
		out[i + 1] = (int64_t) at;
	}
	return (int64_t) at == block->last_at;
}

/*
 * Find the runs of a block: out has room for as many as there are events.
 * Returns how many there are, or 0 where the bytes are malformed.  The runs
 * follow each other in time, and none is longer than its events allow.
 */
int
timeline_block_runs(const TimelineBlock *block, TimelineRun *out)
{
	const uint64_t unit = (uint64_t) block->unit;
	const uint64_t limit = TIMELINE_PAUSE / unit;
	uint64_t	at = (uint64_t) block->first_at;
	uint64_t	span = block->span; /* what is left of it */
	uint64_t	events = (uint64_t) block->nevents;
	PauseColumns pauses;

	if (!decode_pauses(block, 3, &pauses))
		return 0;
	for (int i = 0; i <= block->npauses; i++)
	{
		bool		last = i == block->npauses;
		uint64_t	run_events = last ? events : pauses.events[i];
		uint64_t	run_span = last ? span : pauses.spans[i];

		if (run_events - 1 >= events || run_span > span || run_span > (run_events - 1) * limit)
			return 0;
		out[i].first = block->nevents - (int) events;
		out[i].first_at = (int64_t) at;
		at += run_span * unit;
		out[i].last_at = (int64_t) at;
		if (last)
			break;
		span -= run_span;
		events -= run_events;
		if (pauses.lengths[i] > span || events == 0)
			return 0;
		span -= pauses.lengths[i];
		at += pauses.lengths[i] * unit;
	}
	return block->npauses + 1;
}

/*
 * Count the differences that are longer than a limit, and sum them, where that
 * is shorter than a pause.  Most are too short by their codes alone, and are
 * not looked at.
 */
static bool
count_short_gaps(const TimelineBlock *block, uint64_t limit, int64_t *ngaps, uint64_t *sum)
{
	const FourCodes *table = four_codes();
	int			n = block->nevents - 1;
	unsigned	least = 0;		/* code that a gap has at least */
	OctetReader reader;

	while (least < 7 && octet_mask[least] <= limit)
		least++;
	if (!octets_begin(&reader, block->times, block->times_end, block->end, n))
		return false;
	for (int i = 0; i < n; i += 8)
	{
		uint32_t	c = octets_next(&reader, n - i);
		FourCodes	low = table[c & 0xfff];
		FourCodes	high = table[c >> 12];

		if (low.largest >= least || high.largest >= least)
		{
			const uint8_t *p = reader.p;

			for (uint32_t rest = c; rest != 0; rest >>= 3)
			{
				uint64_t	offset = load64(p) & octet_mask[rest & 7];
				bool		gap = offset > limit;

				*ngaps += gap;
				*sum += gap ? offset : 0;
				p += octet_length[rest & 7];
			}
		}
		reader.p += low.bytes + high.bytes;
		if (reader.p > reader.end)
			return false;
	}
	return reader.p == reader.end;
}

/*
 * Count the gaps within a block that are longer than timeout, and sum all
 * others, which is the sum of the lengths of the sessions (timeout and sum are
 * in microseconds): that of all less the gaps.
 */
bool
timeline_block_gaps(const TimelineBlock *block, uint64_t timeout,
					int64_t *ngaps, uint64_t *active)
{
	uint64_t	limit = timeout / (uint64_t) block->unit;
	uint64_t	inactive = 0;
	int64_t		count = 0;
	PauseColumns pauses;

	if (!decode_pauses(block, 1, &pauses))
		return false;
	for (int i = 0; i < block->npauses; i++)
	{
		bool		gap = pauses.lengths[i] > limit;

		count += gap;
		inactive += gap ? pauses.lengths[i] : 0;
	}
	if (timeout < TIMELINE_PAUSE && !count_short_gaps(block, limit, &count, &inactive))
		return false;
	if (inactive > block->span)
		return false;
	*ngaps = count;
	*active = (block->span - inactive) * (uint64_t) block->unit;
	return true;
}

/* Decode the event ids */
bool
timeline_block_ids(const TimelineBlock *block, int64_t *out)
{
	uint64_t	id = load64(block->ids);
	uint64_t	differences[TIMELINE_BLOCK_EVENTS];
	int			n = block->nevents - 1;

	if (decode_octets(block->ids + 8, block->end, block->end, n, differences) !=
		block->end - block->ids - 8)
		return false;
	out[0] = (int64_t) id;
	for (int i = 0; i < n; i++)
	{
		id += unzigzag(differences[i]);
		out[i + 1] = (int64_t) id;
	}
	return true;
}

/* Unpack n indexes below dict_size; at least eight readable bytes follow them */
static bool
unpack_indexes(const uint8_t *p, int n, int dict_size, uint16_t *out)
{
	int			bits = index_bits(dict_size);
	uint64_t	mask = (UINT64_C(1) << bits) - 1;
	unsigned	highest = 0;

	if (bits == 0)
	{
		memset(out, 0, (size_t) n * sizeof(*out));
		return true;
	}
	for (int i = 0; i < n; i++)
	{
		size_t		bit = (size_t) i * (size_t) bits;
		uint16_t	v = (uint16_t) ((load64(p + (bit >> 3)) >> (bit & 7)) & mask);

		out[i] = v;
		highest = v > highest ? v : highest;
	}
	return highest < (unsigned) dict_size;
}

bool
timeline_block_types(const TimelineBlock *block, uint16_t *out)
{
	return unpack_indexes(block->types, block->nevents, block->ntypes, out);
}

bool
timeline_block_pages(const TimelineBlock *block, uint16_t *out)
{
	return unpack_indexes(block->pages, block->nevents, block->npages, out);
}

/* Decode a dictionary of ascending ids; returns where it ends, or NULL */
static const uint8_t *
decode_dict(const uint8_t *p, const uint8_t *end, int n, int32_t *out)
{
	uint64_t	id = 0;

	for (int i = 0; i < n; i++)
	{
		uint64_t	difference;

		if (p < end && *p < 0x80)
			difference = *p++;
		else
		{
			p = get_varint(p, end, &difference);
			if (p == NULL || difference > INT32_MAX)
				return NULL;
		}
		id += difference;
		if (id > INT32_MAX)
			return NULL;
		out[i] = (int32_t) id;
	}
	return p;
}

bool
timeline_block_type_dict(const TimelineBlock *block, int32_t *out)
{
	return decode_dict(block->type_dict, block->types, block->ntypes, out) != NULL;
}

/* Decode the event types, and how many events have each, without their indexes */
bool
timeline_block_type_counts(const TimelineBlock *block, int32_t *dict, uint32_t *counts)
{
	const uint8_t *end = block->types;
	const uint8_t *p = decode_dict(block->type_dict, end, block->ntypes, dict);
	uint64_t	left = (uint64_t) block->nevents;

	if (p == NULL)
		return false;
	for (int i = 0; i < block->ntypes - 1; i++)
	{
		uint64_t	count;

		p = get_varint(p, end, &count);
		if (p == NULL || count > left)
			return false;
		counts[i] = (uint32_t) count;
		left -= count;
	}
	counts[block->ntypes - 1] = (uint32_t) left;
	return p == end;
}

bool
timeline_block_page_dict(const TimelineBlock *block, int32_t *out)
{
	return decode_dict(block->page_dict, block->pages, block->npages, out) == block->pages;
}

/* Decode whole events */
bool
timeline_block_events(const TimelineBlock *block, TimelineEvent *out)
{
	int64_t		values[TIMELINE_BLOCK_EVENTS];
	uint16_t	indexes[TIMELINE_BLOCK_EVENTS];
	int32_t		dict[TIMELINE_BLOCK_EVENTS];
	int			n = block->nevents;

	if (!timeline_block_times(block, values))
		return false;
	for (int i = 0; i < n; i++)
		out[i].at = values[i];
	if (!timeline_block_ids(block, values))
		return false;
	for (int i = 0; i < n; i++)
		out[i].id = values[i];
	if (!timeline_block_types(block, indexes) || !timeline_block_type_dict(block, dict))
		return false;
	for (int i = 0; i < n; i++)
		out[i].type = dict[indexes[i]];
	if (!timeline_block_pages(block, indexes) || !timeline_block_page_dict(block, dict))
		return false;
	for (int i = 0; i < n; i++)
		out[i].page = dict[indexes[i]];
	return true;
}

/*----------
 * Encoding
 *----------
 */

/* Write n values octet coded (all are set, though the analyzer doubts it below) */
static uint8_t *
encode_octets(const uint64_t *values, int n, uint8_t *out)
{
	uint8_t    *codes = out;
	uint8_t    *p = out + packed_bytes(n, 3);

	memset(codes, 0, packed_bytes(n, 3));
	for (int i = 0; i < n; i++)
	{
		/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
		uint64_t	v = values[i];
		int			bytes = v == 0 ? 0 : (71 - __builtin_clzll(v)) / 8;
		unsigned	code = bytes >= 7 ? 7 : (unsigned) bytes;
		size_t		bit = (size_t) i * 3;

		codes[bit >> 3] |= (uint8_t) (code << (bit & 7));
		if ((bit & 7) > 5)
			codes[(bit >> 3) + 1] |= (uint8_t) (code >> (8 - (bit & 7)));
		store64(p, v);
		p += octet_length[code];
	}
	return p;
}

/*
 * The event types or the pages of a block: the distinct ids, found through a
 * small open-addressing hash table whose slots hold 1 + the position in ids,
 * and for each event the position of its id.
 */
typedef struct IdColumn
{
	int			size;			/* distinct ids */
	int32_t		highest;		/* of them */
	uint16_t	last;			/* position of the id of the event before */
	uint32_t	mask;			/* of the hash table */
	int32_t		ids[TIMELINE_BLOCK_EVENTS];
	uint16_t	counts[TIMELINE_BLOCK_EVENTS];
	uint16_t	slots[2 * TIMELINE_BLOCK_EVENTS];
	uint16_t	positions[TIMELINE_BLOCK_EVENTS];
	uint16_t	rank[TIMELINE_BLOCK_EVENTS];	/* position -> sorted index */
	uint8_t		dict[(5 + 2) * TIMELINE_BLOCK_EVENTS];
	size_t		dict_bytes;
} IdColumn;

/* Sort positions by their ids: for few ids, or large ones */
static void
sort_positions(const int32_t *ids, uint16_t *order, int n)
{
	/* Shell sort: in place, no recursion, good enough for 1,024 entries */
	static const int gaps[] = {701, 301, 132, 57, 23, 10, 4, 1};

	for (size_t g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
	{
		int			gap = gaps[g];

		for (int i = gap; i < n; i++)
		{
			uint16_t	moving = order[i];
			int			j = i;

			while (j >= gap && ids[order[j - gap]] > ids[moving])
			{
				order[j] = order[j - gap];
				j -= gap;
			}
			order[j] = moving;
		}
	}
}

/* Start an empty column for n events */
static void
id_column_init(IdColumn *column, int n)
{
	column->mask = (UINT32_C(2) << index_bits(n)) - 1;
	column->size = 0;
	column->highest = 0;
	memset(column->slots, 0, ((size_t) column->mask + 1) * sizeof(column->slots[0]));
}

/* Find the slot of an id, or the empty one where it belongs */
static inline uint32_t
id_column_slot(const IdColumn *column, int32_t id)
{
	uint32_t	slot = (((uint32_t) id * UINT32_C(2654435769)) >> 16) & column->mask;

	while (column->slots[slot] != 0 && column->ids[column->slots[slot] - 1] != id)
		slot = (slot + 1) & column->mask;
	return slot;
}

/* Add the id of event i */
static inline void
id_column_add(IdColumn *column, int i, int32_t id)
{
	uint32_t	slot;

	/* Successive events are often of the same type or on the same page */
	if (column->size > 0 && column->ids[column->last] == id)
	{
		column->positions[i] = column->last;
		column->counts[column->last]++;
		return;
	}
	slot = id_column_slot(column, id);
	if (column->slots[slot] == 0)
	{
		column->highest = id > column->highest ? id : column->highest;
		column->ids[column->size] = id;
		column->counts[column->size] = 0;
		column->slots[slot] = (uint16_t) ++column->size;
	}
	column->last = (uint16_t) (column->slots[slot] - 1);
	column->positions[i] = column->last;
	column->counts[column->last]++;
}

/* The positions of the distinct ids, by ascending id */
static void
id_column_order(const IdColumn *column, uint16_t *order)
{
	uint64_t	present[MAX_MARKED_ID / 64];
	int			nwords = (column->highest >> 6) + 1;
	int			n = 0;

	if (column->size < 16 || column->highest >= MAX_MARKED_ID)
	{
		for (int i = 0; i < column->size; i++)
			order[i] = (uint16_t) i;
		sort_positions(column->ids, order, column->size);
		return;
	}

	/* Mark them in a set of bits, and read that */
	memset(present, 0, (size_t) nwords * sizeof(present[0]));
	for (int i = 0; i < column->size; i++)
		present[column->ids[i] >> 6] |= UINT64_C(1) << (column->ids[i] & 63);
	for (int word = 0; word < nwords; word++)
		for (uint64_t left = present[word]; left != 0; left &= left - 1)
		{
			int32_t		id = word * 64 + __builtin_ctzll(left);

			order[n++] = (uint16_t) (column->slots[id_column_slot(column, id)] - 1);
		}
}

/* Sort the distinct ids and encode them, with the number of events of each */
static void
id_column_finish(IdColumn *column, bool counted)
{
	uint16_t	order[TIMELINE_BLOCK_EVENTS];
	uint8_t    *p = column->dict;
	int32_t		last = 0;

	id_column_order(column, order);
	for (int i = 0; i < column->size; i++)
	{
		int32_t		id = column->ids[order[i]];

		p = put_varint(p, (uint64_t) (id - last));
		last = id;
		column->rank[order[i]] = (uint16_t) i;
	}
	if (counted)
		for (int i = 0; i < column->size - 1; i++)
			p = put_varint(p, column->counts[order[i]]);
	column->dict_bytes = (size_t) (p - column->dict);
}

/* Write the dictionary and the packed indexes */
static uint8_t *
id_column_write(const IdColumn *column, int n, uint8_t *out)
{
	int			bits = index_bits(column->size);
	uint64_t	buffer = 0;
	int			filled = 0;

	memcpy(out, column->dict, column->dict_bytes);
	out += column->dict_bytes;
	if (bits == 0)
		return out;
	for (int i = 0; i < n; i++)
	{
		buffer |= (uint64_t) column->rank[column->positions[i]] << filled;
		filled += bits;
		while (filled >= 8)
		{
			*out++ = (uint8_t) buffer;
			buffer >>= 8;
			filled -= 8;
		}
	}
	if (filled > 0)
		*out++ = (uint8_t) buffer;
	return out;
}

/*
 * Turn times into differences in the coarsest unit that is exact, and return
 * that unit.  The divisions are by constants, which compile to multiplications.
 */
static unsigned
time_differences(const TimelineEvent *events, int nevents, uint64_t *out)
{
	unsigned	unit = 0;

	for (int i = 1; i < nevents; i++)
	{
		uint64_t	difference = (uint64_t) events[i].at - (uint64_t) events[i - 1].at;

		out[i - 1] = difference;
		if (unit == 0 && difference % 1000000 != 0)
			unit = 1;
		if (unit == 1 && difference % 1000 != 0)
			unit = 2;
	}
	if (unit == 0)
		for (int i = 1; i < nevents; i++)
			out[i - 1] /= 1000000;
	else if (unit == 1)
		for (int i = 1; i < nevents; i++)
			out[i - 1] /= 1000;
	return unit;
}

/*
 * Take the pauses out of the differences, which are in time units; returns how
 * many there are.  (All are set, though the analyzer doubts it.)
 */
static int
take_pauses(uint64_t *differences, int n, int64_t unit, PauseColumns *pauses)
{
	const uint64_t limit = (uint64_t) (TIMELINE_PAUSE / unit);
	uint64_t	span = 0;
	int			first = 0;
	int			npauses = 0;

	for (int i = 0; i < n; i++)
	{
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
		if (differences[i] <= limit)
		{
			span += differences[i];
			continue;
		}
		pauses->lengths[npauses] = differences[i];
		pauses->events[npauses] = (uint64_t) (i + 1 - first);
		pauses->spans[npauses++] = span;
		differences[i] = 0;
		span = 0;
		first = i + 1;
	}
	return npauses;
}

/*
 * Encode events, which are in timeline order and at most TIMELINE_BLOCK_EVENTS,
 * as one block.  out has TIMELINE_BLOCK_BYTES(nevents) bytes.  Returns the
 * size of the block.
 */
size_t
timeline_encode_block(const TimelineEvent *events, int nevents, uint8_t *out)
{
	uint64_t	differences[TIMELINE_BLOCK_EVENTS];
	IdColumn	types;
	IdColumn	pages;
	unsigned	unit = time_differences(events, nevents, differences);
	uint64_t	span = (uint64_t) events[nevents - 1].at - (uint64_t) events[0].at;
	uint8_t    *p = out + BLOCK_SIZE_BYTES;
	PauseColumns pauses;
	int			npauses = take_pauses(differences, nevents - 1, time_units[unit], &pauses);
	uint8_t		pause_bytes[3 * (9 * TIMELINE_BLOCK_EVENTS + 8)];
	uint8_t    *pauses_end = pause_bytes;
	uint8_t    *times_size;
	uint8_t    *times;

	id_column_init(&types, nevents);
	id_column_init(&pages, nevents);
	for (int i = 0; i < nevents; i++)
	{
		id_column_add(&types, i, events[i].type);
		id_column_add(&pages, i, events[i].page);
	}
	id_column_finish(&types, true);
	id_column_finish(&pages, false);
	pauses_end = encode_octets(pauses.lengths, npauses, pauses_end);
	pauses_end = encode_octets(pauses.events, npauses, pauses_end);
	pauses_end = encode_octets(pauses.spans, npauses, pauses_end);

	store16(p, (unsigned) (nevents - 1) | unit << UNIT_SHIFT);
	store64(p + 2, (uint64_t) events[0].at);
	p = put_varint(p + 2 + 8, span / (uint64_t) time_units[unit]);
	times_size = p;
	p = put_varint(p + 2, (uint64_t) npauses);
	p = put_varint(p, (uint64_t) (pauses_end - pause_bytes));
	p = put_varint(p, (uint64_t) types.size);
	p = put_varint(p, types.dict_bytes);
	p = put_varint(p, (uint64_t) pages.size);
	p = put_varint(p, pages.dict_bytes);

	memcpy(p, pause_bytes, (size_t) (pauses_end - pause_bytes));
	p += pauses_end - pause_bytes;
	times = p;
	p = encode_octets(differences, nevents - 1, p);
	store16(times_size, (unsigned) (p - times));
	p = id_column_write(&types, nevents, p);
	p = id_column_write(&pages, nevents, p);

	store64(p, (uint64_t) events[0].id);
	for (int i = 1; i < nevents; i++)
		differences[i - 1] = zigzag((uint64_t) events[i].id - (uint64_t) events[i - 1].id);
	p = encode_octets(differences, nevents - 1, p + 8);

	store16(out, (unsigned) (p - out - BLOCK_SIZE_BYTES));
	return (size_t) (p - out);
}

/*
 * Check bytes from outside: every block readable, events and blocks in order,
 * and each block in the one encoding that its events have.  Returns NULL, or
 * what is wrong.
 */
const char *
timeline_validate(const uint8_t *bytes, size_t size)
{
	TimelineCursor cursor;
	TimelineBlock block;
	TimelineEvent events[TIMELINE_BLOCK_EVENTS];
	uint8_t		encoded[TIMELINE_BLOCK_BYTES(TIMELINE_BLOCK_EVENTS)];
	TimelineEvent last = {INT64_MIN, INT64_MIN, 0, 0};
	TimelineResult result;

	if (!timeline_cursor_init(&cursor, bytes, size))
		return "unknown version";
	while ((result = timeline_next_block(&cursor, &block)) == TIMELINE_OK)
	{
		size_t		length = (size_t) (block.end - block.start);

		if (!timeline_block_events(&block, events))
			return "malformed column";
		for (int i = 0; i < block.nevents; i++)
		{
			/*
			 * A difference that wraps around would come out as an earlier
			 * time
			 */
			if (timeline_event_cmp(&events[i], &last) < 0)
				return "events out of order";
			last = events[i];
		}
		if (timeline_encode_block(events, block.nevents, encoded) != length ||
			memcmp(encoded, block.start, length) != 0)
			return "encoding not canonical";
	}
	return result == TIMELINE_BAD ? "malformed block" : NULL;
}
