/* "Did you mean": the word that somebody most likely wanted to write. */
#ifndef CORE_NEAREST_H
#define CORE_NEAREST_H

/* The word of words (NULL ends them) that is nearest to text, by the number of edits, or
 * NULL when none is near. Case does not matter. */
const char *nearest(const char *text, const char *const *words);

#endif
