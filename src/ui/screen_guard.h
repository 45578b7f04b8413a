/* Puts the terminal back whatever happens: at exit, at an abort for want of
 * memory, and at a signal that ends the process. One terminal at a time.
 *
 * The handlers do no more than write a string made beforehand and set the
 * terminal's modes, then let the signal do what it would have done without us.
 */
#ifndef UI_SCREEN_GUARD_H
#define UI_SCREEN_GUARD_H

#include <stddef.h>
#include <termios.h>

/* From now on, what is to be written to fd (not blocking) and the modes to set
 * on it. text is copied. Faults, SIGABRT, and those of SIGTERM, SIGHUP, SIGINT
 * and SIGQUIT that nobody handles are caught. */
void screen_guard_set(int fd, const struct termios *modes, const char *text, size_t len);

/* The terminal is back already, or put it back now. */
void screen_guard_clear(void);
void screen_guard_restore(void);

/* Clear it, and take the handlers away. */
void screen_guard_done(void);

#endif
