#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"

static bool is_unreached(int errnum)
{
	switch (errnum) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case EADDRNOTAVAIL: /* no address of our own in that family */
	case EAFNOSUPPORT:
	case EACCES: /* a local rule, before anything left */
	case EPERM:
		return true;
	default:
		return false;
	}
}

static bool judge_reach(const struct probe *p, char *detail, size_t cap)
{
	const struct net_talk *t = &p->talk;

	if (t->end == NET_CONNECTED) {
		snprintf(detail, cap, "connected");
		return p->want == PROBE_OPEN;
	}
	if (t->end != NET_FAILED) {
		snprintf(detail, cap, "reached: it answered");
		return false;
	}
	if (p->want == PROBE_UNREACHED && t->errnum == ECONNREFUSED) {
		snprintf(detail, cap, "reached: refused by the other side");
		return false;
	}
	snprintf(detail, cap, "%s", strerror(t->errnum));
	return p->want == PROBE_SHUT ? t->errnum != ETIMEDOUT
				     : p->want == PROBE_UNREACHED && is_unreached(t->errnum);
}

static bool judge_dns(const struct probe *p, uint16_t id, char *detail, size_t cap)
{
	enum answer_dns a = answer_dns(p->talk.reply, p->talk.reply_len, id);

	snprintf(detail, cap, "%s", answer_dns_text(a));
	return a == ANSWER_DNS_REFUSED ||
	       (a == ANSWER_DNS_SERVFAIL && p->want == PROBE_DNS_UNANSWERED);
}

static bool judge_http(const struct probe *p, char *detail, size_t cap)
{
	struct answer_http a;
	size_t line = 0;

	if (!answer_http(&a, (const char *)p->talk.reply, p->talk.reply_len)) {
		snprintf(detail, cap, "not an HTTP answer");
		return false;
	}
	while (line < a.body_len && line < 160 && a.body[line] != '\n')
		line++;
	snprintf(detail, cap, "%d %.*s", a.status, (int)line, a.body);
	switch (p->want) {
	case PROBE_HTTP_OK:
		return a.status == 200;
	case PROBE_HTTP_UNLISTED:
		return a.status == 403 &&
		       answer_body_begins(&a, "blocked: domain not in allowlist: ");
	case PROBE_HTTP_REFUSED:
		return a.status == 403;
	case PROBE_HTTP_DLP:
		return a.status == 403 && answer_body_begins(&a, "blocked: ") &&
		       answer_body_holds(&a, "DLP match");
	case PROBE_HTTP_HIDDEN:
		snprintf(detail, cap, "%d", a.status);
		return a.status >= 400;
	case PROBE_HTTP_SERVED:
		return a.status < 500 && !answer_body_begins(&a, "blocked: ");
	default:
		return false;
	}
}

static bool judge_git(const struct net_talk *t, char *detail, size_t cap)
{
	enum answer_git a = answer_git((const char *)t->reply, t->reply_len);
	size_t line = t->reply_len > 4 ? t->reply_len - 4 : 0;

	if (a == ANSWER_GIT_REFUSED)
		snprintf(detail, cap, "refused: %.*s", (int)line, (const char *)t->reply + 4);
	else
		snprintf(detail, cap, "%s", a == ANSWER_GIT_SERVED ? "served" : "not a git answer");
	detail[strcspn(detail, "\n")] = '\0';
	return a == ANSWER_GIT_REFUSED;
}

static bool judge_tls(const struct net_talk *t, char *detail, size_t cap)
{
	struct answer_http a;

	if (t->second) {
		bool ok = answer_tls(t->reply, t->reply_len);

		snprintf(detail, cap, "%s",
			 ok ? "a TLS server answered" : "no TLS server answered");
		return ok;
	}
	if (answer_http(&a, (const char *)t->reply, t->reply_len))
		snprintf(detail, cap, "the proxy answered %d", a.status);
	else
		snprintf(detail, cap, "not an HTTP answer");
	return false;
}

bool probe_judge(const struct probe *p, char *detail, size_t cap)
{
	const struct net_talk *t = &p->talk;
	uint16_t id = (uint16_t)(t->say[0][0] << 8 | t->say[0][1]);

	if (t->end == NET_SILENT) {
		snprintf(detail, cap, "no answer in %d s", NET_LIMIT_MS / 1000);
		return false;
	}
	if (p->want == PROBE_UNREACHED || p->want == PROBE_SHUT || p->want == PROBE_OPEN)
		return judge_reach(p, detail, cap);
	if (t->end == NET_FAILED) {
		snprintf(detail, cap, "%s", strerror(t->errnum));
		return false;
	}
	switch (p->want) {
	case PROBE_DNS_REFUSED:
	case PROBE_DNS_UNANSWERED:
		return judge_dns(p, id, detail, cap);
	case PROBE_GIT_REFUSED:
		return judge_git(t, detail, cap);
	case PROBE_TLS_SERVED:
		return judge_tls(t, detail, cap);
	default:
		return judge_http(p, detail, cap);
	}
}

bool probe_has_ipv6(const char *text)
{
	char address[40];

	while (*text != '\0') {
		if (sscanf(text, "%39s", address) == 1 &&
		    strcmp(address, "00000000000000000000000000000001") != 0)
			return true;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return false;
}

bool probe_hosts_has(const char *text, const char *name, const char *ip)
{
	size_t name_len = strlen(name), ip_len = strlen(ip);

	while (*text != '\0') {
		size_t line = strcspn(text, "\n"), at = strspn(text, " \t");
		size_t word = strcspn(text + at, " \t\n#");
		bool is_ip = word == ip_len && memcmp(text + at, ip, ip_len) == 0;

		for (at += word; at < line && text[at] != '#'; at += word) {
			at += strspn(text + at, " \t");
			word = strcspn(text + at, " \t\n#");
			/* the first line that has the name is the one that counts */
			if (word == name_len && memcmp(text + at, name, name_len) == 0)
				return is_ip;
			if (word == 0)
				break;
		}
		text += line + (text[line] == '\n');
	}
	return false;
}
