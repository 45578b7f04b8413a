/* Folds: which stored event a reader means by its number. */
#include <stdlib.h>

#include "core/mem.h"
#include "core/store_writer.h"

#define FOLDS_MAX 32768

void folds_forget(struct writer *w)
{
	free(w->folds.v);
	free(w->old_folds.v);
	w->folds = w->old_folds = (struct folds){ 0 };
}

static struct fold *fold_slot(const struct folds *f, uint64_t reading, uint64_t fold)
{
	size_t i = (size_t)((reading * 0x9e3779b97f4a7c15u) ^ (fold * 0xc2b2ae3d27d4eb4fu));

	i ^= i >> 29;
	for (;; i++) {
		struct fold *at = &f->v[i % (2 * (size_t)FOLDS_MAX)];

		if (!at->reading || (at->reading == reading && at->fold == fold))
			return at;
	}
}

void folds_put(struct writer *w, uint64_t reading, uint64_t fold, uint64_t id)
{
	struct fold *slot;

	if (w->folds.n == FOLDS_MAX) {
		free(w->old_folds.v);
		w->old_folds = w->folds;
		w->folds = (struct folds){ 0 };
	}
	if (!w->folds.v)
		w->folds.v = xcalloc(2 * (size_t)FOLDS_MAX, sizeof(struct fold));
	slot = fold_slot(&w->folds, reading, fold);
	w->folds.n += !slot->reading;
	*slot = (struct fold){ reading, fold, id };
}

/* 0 when it is not known. */
uint64_t folds_get(struct writer *w, uint64_t reading, uint64_t fold)
{
	uint64_t id;
	const struct fold *slot = w->folds.v ? fold_slot(&w->folds, reading, fold) : NULL;

	if (slot && slot->reading)
		return slot->id;
	slot = w->old_folds.v ? fold_slot(&w->old_folds, reading, fold) : NULL;
	if (!slot || !slot->reading)
		return 0;
	/* what is in use stays young; that may drop the table it was found in */
	id = slot->id;
	folds_put(w, reading, fold, id);
	return id;
}
