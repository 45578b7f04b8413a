/* The replay backend: a recorded fleet played without an engine.
 *
 * For first looks, documentation and tests. It does what a backend does, on the
 * loop's clock: sessions change, events happen and terminals write when the
 * recording says so; launches take their steps, stops stop. What the person
 * does wins: of a session that was stopped or launched here the recording is
 * not heard again. Nothing outlives backend_ops.close().
 *
 * Times in a recording move to now, so that what was a minute old when it was
 * recorded is a minute old when it is played; what it says happened later than
 * now happens now.
 *
 * Terminals echo what is typed, control characters as ^C and keys as ^[[A, so
 * that a person or a test sees what would have been sent. Answers of the
 * emulator (reports of cursor, device and modes) are swallowed.
 *
 * settings: recording is the file, the demo's when NULL; replay_speed is "1" when NULL, "10"
 * for ten times as fast, "0" for everything at once.
 */
#ifndef REPLAY_BACKEND_REPLAY_H
#define REPLAY_BACKEND_REPLAY_H

#include "core/backend.h"

extern const struct backend_ops backend_replay;

#endif
