#include "core/stamp.h"

#include <stdbool.h>
#include <stdio.h>

#define S_PER_DAY 86400ll

/* Days from 1970-01-01 to a date of the Gregorian calendar; years begin in
 * March, so that the leap day is the last one. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_of(int64_t days, int64_t *y, int64_t *m, int64_t *d)
{
	int64_t era, doe, yoe, doy, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = yoe + era * 400 + (*m <= 2);
}

/* Reads exactly want digits at s[*at]; moves *at. */
static bool digits(const char *s, size_t n, size_t *at, size_t want, int64_t *value)
{
	int64_t v = 0;

	if (n - *at < want)
		return false;
	for (size_t i = 0; i < want; i++) {
		char c = s[*at + i];

		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	*at += want;
	*value = v;
	return true;
}

static bool mark(const char *s, size_t n, size_t *at, char c)
{
	if (*at >= n || s[*at] != c)
		return false;
	++*at;
	return true;
}

static void fraction(const char *s, size_t n, size_t *at, int64_t *ns)
{
	int64_t unit = NS_PER_S / 10, v;

	*ns = 0;
	if (*at + 1 >= n || s[*at] != '.' || s[*at + 1] < '0' || s[*at + 1] > '9')
		return;
	++*at;
	while (digits(s, n, at, 1, &v)) {
		*ns += v * unit;
		unit /= 10;
	}
}

/* 'Z' or +hh:mm, in seconds east of Greenwich. */
static bool zone(const char *s, size_t n, size_t *at, int64_t *east)
{
	int64_t h, m;
	bool is_west;

	*east = 0;
	if (mark(s, n, at, 'Z') || mark(s, n, at, 'z'))
		return true;
	is_west = *at < n && s[*at] == '-';
	if (!is_west && !(*at < n && s[*at] == '+'))
		return false;
	++*at;
	if (!digits(s, n, at, 2, &h) || !mark(s, n, at, ':') || !digits(s, n, at, 2, &m) ||
	    h > 23 || m > 59)
		return false;
	*east = (h * 60 + m) * 60 * (is_west ? -1 : 1);
	return true;
}

size_t stamp_parse(const char *s, size_t n, int64_t *ns)
{
	int64_t y, mo, d, h, mi, sec, frac, east;
	size_t at = 0;

	if (!digits(s, n, &at, 4, &y) || !mark(s, n, &at, '-') || !digits(s, n, &at, 2, &mo) ||
	    !mark(s, n, &at, '-') || !digits(s, n, &at, 2, &d) || !mark(s, n, &at, 'T') ||
	    !digits(s, n, &at, 2, &h) || !mark(s, n, &at, ':') || !digits(s, n, &at, 2, &mi) ||
	    !mark(s, n, &at, ':') || !digits(s, n, &at, 2, &sec))
		return 0;
	/* a leap second counts as the second after it, as everywhere in Unix */
	if (y < 1678 || y > 2261 || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 ||
	    sec > 60)
		return 0;
	fraction(s, n, &at, &frac);
	if (!zone(s, n, &at, &east))
		return 0;
	*ns = ((days_of(y, mo, d) * S_PER_DAY) + (h * 60 + mi) * 60 + sec - east) * NS_PER_S + frac;
	return at;
}

void stamp_format(char out[STAMP_SIZE], int64_t ns)
{
	int64_t s = ns / NS_PER_S, frac = ns % NS_PER_S, days, rest, y, m, d;

	if (frac < 0) {
		frac += NS_PER_S;
		s--;
	}
	days = s / S_PER_DAY;
	rest = s % S_PER_DAY;
	if (rest < 0) {
		rest += S_PER_DAY;
		days--;
	}
	date_of(days, &y, &m, &d);
	/* the remainders only tell the compiler what holds anyway */
	snprintf(out, STAMP_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", (unsigned)y % 10000,
	         (unsigned)m % 100, (unsigned)d % 100, (unsigned)(rest / 3600) % 100,
	         (unsigned)(rest / 60 % 60), (unsigned)(rest % 60), (unsigned)frac % 1000000000u);
}

void stamp_age(char out[16], int64_t seconds)
{
	static const struct {
		int64_t below, unit;
		char name;
	} units[] = { { 100, 1, 's' }, { 6000, 60, 'm' }, { 48 * 3600, 3600, 'h' } };

	if (seconds < 0)
		seconds = 0;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (seconds < units[i].below) {
			snprintf(out, 16, "%d%c", (int)(seconds / units[i].unit), units[i].name);
			return;
		}
	snprintf(out, 16, "%dd", (int)(seconds / S_PER_DAY % 10000));
}

void stamp_age_minutes(char out[16], int64_t seconds)
{
	if (seconds < 60)
		snprintf(out, 16, "now");
	else if (seconds < 100)
		snprintf(out, 16, "1m");
	else
		stamp_age(out, seconds);
}
