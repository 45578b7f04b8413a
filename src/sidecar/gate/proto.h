/* The little of git's wire protocol that the gate speaks itself.
 *
 * A pkt-line is four hex digits, the length of the whole packet, and then the
 * payload; "0000" is a flush, "0001" and "0002" are delimiters. A git:// client
 * opens with one packet
 *
 *	git-upload-pack /path\0host=git-gate\0[\0version=2\0]
 *
 * and then talks to upload-pack or receive-pack, which git's own programs do.
 * Whatever the gate refuses, it answers with one packet "ERR message", which
 * the client shows as "fatal: remote error: message".
 */
#ifndef GATE_PROTO_H
#define GATE_PROTO_H

#include <stddef.h>

struct buf;
struct err;

#define PKT_MAX 65520
#define REQUEST_MAX 4096 /* git daemon's own bound is of this size */

enum service { SERVICE_UPLOAD_PACK, SERVICE_RECEIVE_PACK };

struct request {
	enum service service;
	char path[1024]; /* as sent: starts with '/' */
	int version;     /* of the protocol; 0 when the client names none */
};

/* "upload-pack" or "receive-pack". */
const char *service_name(enum service s);

/* The length of the packet that these four bytes open (0, 1, 2 for the special
 * ones), or -1 when they are not one. */
int pkt_length(const char header[4]);

/* Read the payload of a client's opening packet. */
int request_parse(struct request *req, const char *payload, size_t len, struct err *err);

/* Append an ERR packet with "git-gate: " and the message, which is cleaned. */
void pkt_error(struct buf *out, const char *message);

struct ref_update {
	char *old, *new; /* hex object ids */
	char *ref;
};

struct ref_updates {
	struct ref_update *v;
	size_t n;
};

/* Take one "old new ref"; -1 when it is not of that form. */
int ref_updates_add(struct ref_updates *u, const char *line, size_t len);
void ref_updates_done(struct ref_updates *u);

/* The commands at the start of what a client sends to receive-pack, as far as
 * they are in data. Returns 1 when all of them are, and -1 when data is not that. */
int commands_parse(struct ref_updates *u, const char *data, size_t len);

/* Is this the id of no object ("0000...", the old of a new ref)? */
int oid_is_zero(const char *hex);

/* 40 or 64 lower-case hex digits? */
int oid_is_valid(const char *hex, size_t len);

/* Is it the name of a ref, as git has them (git-check-ref-format)? receive-pack asks
 * that only after the hook has run, so a hook sees names such as "refs/heads/a:b",
 * which would mean something else as an argument of git's. */
int ref_is_valid(const char *name);

#endif
