/* Recordings: whatever the bytes, faults with a line or entries within bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "replay/recording.h"

static void check_entry(const struct recording_entry *e, int64_t after)
{
	if (e->t_ms < after || e->t_ms > RECORDING_MS_MAX)
		abort();
	if (e->kind != RECORDING_ENGINE && !session_name_is_valid(e->name))
		abort();
	if (e->kind == RECORDING_TERMINAL && !e->data)
		abort();
	if (e->kind == RECORDING_SESSION && e->session.state > SESSION_FAILED)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct faults faults = { 0 };
	struct recording *r = recording_parse((const char *)data, size, "fuzz", &faults);

	if (!r == !faults.n_errors)
		abort();
	for (size_t i = 0; r && i < r->n; i++) {
		const struct recording_entry *e = &r->v[i];

		check_entry(e, i ? e[-1].t_ms : 0);
		for (size_t k = 0; e->kind == RECORDING_LAUNCH && k < e->launch.n_then; k++)
			check_entry(&e->launch.then[k], k ? e->launch.then[k - 1].t_ms : 0);
	}
	recording_free(r);
	faults_done(&faults);
	return 0;
}
