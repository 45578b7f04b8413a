#include "ui/layout.h"

static int clamp(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* Cut r into n_terms: one, two side by side, or a 2x2 wall. */
static void place_terms(struct layout *out, struct rect r, int n)
{
	int half_cols = r.cols / 2, half_rows = r.rows / 2;

	/* a terminal of less is no use: show fewer */
	if (n > 1 && half_cols < 20)
		n = 1;
	if (n > 2 && half_rows < 5)
		n = 2;
	out->n_terms = n;
	for (int i = 0; i < n; i++) {
		struct rect *t = &out->terms[i];
		bool is_right = n > 1 && i % 2 == 1, is_low = i >= 2;

		*t = r;
		if (n > 1) {
			t->cols = is_right ? r.cols - half_cols : half_cols;
			t->x += is_right ? half_cols : 0;
		}
		if (n > 2) {
			t->rows = is_low ? r.rows - half_rows : half_rows;
			t->y += is_low ? half_rows : 0;
		}
	}
}

static void stacked(struct layout *out, int rows, int cols)
{
	int list = clamp(rows / 3, 4, 14);
	int events = rows >= 20 ? clamp(rows / 5, 4, 8) : 0;
	int terms = rows - 2 - list - events;

	out->sessions = (struct rect){ 1, 0, list, cols };
	place_terms(out, (struct rect){ 1 + list, 0, terms, cols }, 1);
	if (events)
		out->egress = (struct rect){ 1 + list + terms, 0, events, cols };
}

static void side_by_side(struct layout *out, const struct layout_request *req)
{
	int rows = req->rows, cols = req->cols;
	int list = cols >= LAYOUT_WIDE_COLS ? clamp(cols / 4, 30, 40) : 24;
	int events = rows >= 16 ? clamp(rows / 4, 4, 14) : 0;
	int main_rows = rows - 2 - events;

	out->sessions = (struct rect){ 1, 0, main_rows, list };
	place_terms(out, (struct rect){ 1, list, main_rows, cols - list }, req->n_terms);
	if (events) {
		int y = 1 + main_rows, half = cols / 2;

		out->egress = (struct rect){ y, 0, events, half };
		out->verdicts = (struct rect){ y, half, events, cols - half };
	}
}

void layout_compute(struct layout *out, const struct layout_request *req)
{
	*out = (struct layout){ .n_terms = 0 };
	if (req->rows < LAYOUT_MIN_ROWS || req->cols < LAYOUT_MIN_COLS) {
		out->is_too_small = true;
		return;
	}
	out->hint = (struct rect){ req->rows - 1, 0, 1, req->cols };
	if (req->is_zoomed) {
		out->n_terms = 1;
		out->terms[0] = (struct rect){ 0, 0, req->rows - 1, req->cols };
		return;
	}
	out->title = (struct rect){ 0, 0, 1, req->cols };
	if (req->cols < LAYOUT_SIDE_COLS)
		stacked(out, req->rows, req->cols);
	else
		side_by_side(out, req);
}
