/* Byte strings by small numbers: clusters, links and extended styles.
 *
 * Nothing counts references. When a table is due, its owner marks what cells
 * and scrollback still use and sweeps the rest, so a hostile stream of ever new
 * strings costs memory in proportion to what is visible.
 */
#include "core/vt_int.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* Starts from where the table lies, so that a stream cannot be made to collide. */
static uint32_t hash_of(const struct vt_intern *t, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t h = 2166136261u ^ (uint32_t)((uintptr_t)t >> 4);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 15;
}

static uint32_t find(const struct vt_intern *t, uint32_t hash, const void *data, size_t len)
{
	if (!t->n_buckets)
		return 0;
	for (uint32_t i = t->bucket[hash & (t->n_buckets - 1)]; i; i = t->e[i].next)
		if (t->e[i].hash == hash && t->e[i].len == len &&
		    memcmp(t->e[i].data, data, len) == 0)
			return i;
	return 0;
}

uint32_t vt_intern_find(const struct vt_intern *t, const void *data, size_t len)
{
	return find(t, hash_of(t, data, len), data, len);
}

static void rehash(struct vt_intern *t, uint32_t n_buckets)
{
	free(t->bucket);
	t->bucket = xcalloc(n_buckets, sizeof *t->bucket);
	t->n_buckets = n_buckets;
	for (uint32_t i = 1; i < t->n; i++)
		if (t->e[i].data) {
			uint32_t *b = &t->bucket[t->e[i].hash & (n_buckets - 1)];

			t->e[i].next = *b;
			*b = i;
		}
}

uint32_t vt_intern_add(struct vt_intern *t, const void *data, size_t len)
{
	uint32_t hash = hash_of(t, data, len), i = find(t, hash, data, len);
	struct vt_intern_entry *e;

	if (i)
		return i;
	if (t->free_head) {
		i = t->free_head;
		t->free_head = t->e[i].next;
	} else {
		if (t->n == t->cap) {
			t->cap = t->cap ? t->cap * 2 : 16;
			t->e = xreallocarray(t->e, t->cap, sizeof *t->e);
			if (t->n == 0)
				memset(&t->e[t->n++], 0, sizeof *t->e); /* number 0 */
		}
		i = t->n++;
	}
	e = &t->e[i];
	*e = (struct vt_intern_entry){ .data = xmemdup(data, len),
		                       .len = (uint32_t)len,
		                       .hash = hash };
	t->n_live++;
	t->since_sweep++;
	t->bytes += len;
	if (t->n_live >= t->n_buckets) {
		rehash(t, t->n_buckets ? t->n_buckets * 2 : 16);
	} else {
		uint32_t *b = &t->bucket[hash & (t->n_buckets - 1)];

		e->next = *b;
		*b = i;
	}
	return i;
}

void vt_intern_mark(struct vt_intern *t, uint32_t i)
{
	if (i < t->n)
		t->e[i].is_marked = true;
}

void vt_intern_sweep(struct vt_intern *t)
{
	t->since_sweep = 0;
	if (!t->n)
		return;
	for (uint32_t i = 1; i < t->n; i++) {
		struct vt_intern_entry *e = &t->e[i];

		if (e->data && !e->is_marked) {
			t->bytes -= e->len;
			t->n_live--;
			free(e->data);
			*e = (struct vt_intern_entry){ .next = t->free_head };
			t->free_head = i;
		}
		e->is_marked = false;
	}
	rehash(t, t->n_buckets);
}

void vt_intern_done(struct vt_intern *t)
{
	for (uint32_t i = 1; i < t->n; i++)
		free(t->e[i].data);
	free(t->e);
	free(t->bucket);
	*t = (struct vt_intern){ 0 };
}
