#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/bottle/probe.h"
#include "sidecar/bottle/report.h"
#include "sidecar/bottle/selfcheck.h"

/* An argument as main() gets it: one that may be written to. */
#define S(text) ((char[]){ text })

/* --- lines ------------------------------------------------------------------ */

static void a_line_is_json_whatever_the_other_side_wrote(void **state)
{
	char line[REPORT_LINE_MAX];

	(void)state;
	report_format(line, "proxy", "GET \"/\"\\", false, REPORT_WARN, 12, "a\nb\x1b[31m\xc3\xa9");
	assert_string_equal(line,
			    "{\"check\":\"proxy\",\"target\":\"GET \\\"/\\\"\\\\\",\"ok\":false,"
			    "\"level\":\"warn\",\"ms\":12,\"detail\":\"a?b?[31m??\"}");
}

static void escaping_is_cut_between_characters(void **state)
{
	char out[6];

	(void)state;
	assert_int_equal(report_escape(out, sizeof out, "ab\"\"\""), 4);
	assert_string_equal(out, "ab\\\"");
	assert_int_equal(report_escape(out, sizeof out, "abcdefgh"), 5);
	assert_string_equal(out, "abcde");
}

/* --- judging ---------------------------------------------------------------- */

static struct probe ended(enum probe_want want, enum net_end end, int errnum, const char *reply)
{
	struct probe p = { .want = want };

	p.talk.end = end;
	p.talk.errnum = errnum;
	p.talk.reply_len = strlen(reply);
	memcpy(p.talk.reply, reply, p.talk.reply_len);
	return p;
}

static bool holds(enum probe_want want, enum net_end end, int errnum, const char *reply)
{
	struct probe p = ended(want, end, errnum, reply);
	char detail[256] = "";
	bool ok = probe_judge(&p, detail, sizeof detail);

	assert_int_not_equal(detail[0], '\0');
	return ok;
}

static void only_an_unreachable_address_is_unreached(void **state)
{
	(void)state;
	assert_true(holds(PROBE_UNREACHED, NET_FAILED, ENETUNREACH, ""));
	assert_true(holds(PROBE_UNREACHED, NET_FAILED, EHOSTUNREACH, ""));
	assert_true(holds(PROBE_UNREACHED, NET_FAILED, EADDRNOTAVAIL, ""));
	assert_false(holds(PROBE_UNREACHED, NET_CONNECTED, 0, ""));
	assert_false(holds(PROBE_UNREACHED, NET_FAILED, ECONNREFUSED, ""));
	assert_false(holds(PROBE_UNREACHED, NET_FAILED, ECONNRESET, ""));
	assert_false(holds(PROBE_UNREACHED, NET_FAILED, ETIMEDOUT, ""));
	assert_false(holds(PROBE_UNREACHED, NET_SILENT, 0, ""));
	assert_false(holds(PROBE_UNREACHED, NET_ANSWERED, 0, "a datagram"));
}

static void a_refused_port_is_shut_and_a_silent_one_is_not(void **state)
{
	(void)state;
	assert_true(holds(PROBE_SHUT, NET_FAILED, ECONNREFUSED, ""));
	assert_false(holds(PROBE_SHUT, NET_CONNECTED, 0, ""));
	assert_false(holds(PROBE_SHUT, NET_SILENT, 0, ""));
	assert_true(holds(PROBE_OPEN, NET_CONNECTED, 0, ""));
	assert_false(holds(PROBE_OPEN, NET_FAILED, ECONNREFUSED, ""));
}

static bool dns_holds(enum probe_want want, uint8_t code)
{
	struct probe p = ended(want, NET_ANSWERED, 0, "");
	char detail[256];

	p.talk.say[0][0] = 0x12;
	p.talk.say[0][1] = 0x34;
	p.talk.reply[0] = 0x12;
	p.talk.reply[1] = 0x34;
	p.talk.reply[2] = 0x81;
	p.talk.reply[3] = code;
	p.talk.reply_len = 12;
	return probe_judge(&p, detail, sizeof detail);
}

static void a_name_that_somebody_looked_up_has_leaked(void **state)
{
	(void)state;
	assert_true(dns_holds(PROBE_DNS_REFUSED, 5));
	assert_false(dns_holds(PROBE_DNS_REFUSED, 0));
	assert_false(dns_holds(PROBE_DNS_REFUSED, 2));
	assert_false(dns_holds(PROBE_DNS_REFUSED, 3));
	/* an engine's own resolver turns the refusal into a failure */
	assert_true(dns_holds(PROBE_DNS_UNANSWERED, 5));
	assert_true(dns_holds(PROBE_DNS_UNANSWERED, 2));
	assert_false(dns_holds(PROBE_DNS_UNANSWERED, 0));
	assert_false(dns_holds(PROBE_DNS_UNANSWERED, 3));
}

static void a_refusal_counts_with_its_reason_alone(void **state)
{
	static const char unlisted[] = "HTTP/1.1 403 Forbidden\r\n\r\n"
				       "blocked: domain not in allowlist: unlisted.test\n";
	static const char dlp[] = "HTTP/1.1 403 Forbidden\r\n\r\n"
				  "blocked: DLP match: Git Push over HTTP (critical)\n";
	static const char other[] = "HTTP/1.1 403 Forbidden\r\n\r\nforbidden";

	(void)state;
	assert_true(holds(PROBE_HTTP_UNLISTED, NET_CLOSED, 0, unlisted));
	assert_false(holds(PROBE_HTTP_UNLISTED, NET_CLOSED, 0, dlp));
	assert_false(holds(PROBE_HTTP_UNLISTED, NET_CLOSED, 0, other));
	assert_true(holds(PROBE_HTTP_DLP, NET_CLOSED, 0, dlp));
	assert_false(holds(PROBE_HTTP_DLP, NET_CLOSED, 0, unlisted));
	assert_true(holds(PROBE_HTTP_REFUSED, NET_CLOSED, 0, other));
	assert_false(holds(PROBE_HTTP_REFUSED, NET_CLOSED, 0, "HTTP/1.1 200 OK\r\n\r\n"));
	assert_false(holds(PROBE_HTTP_REFUSED, NET_CLOSED, 0, ""));
	assert_false(holds(PROBE_HTTP_REFUSED, NET_FAILED, ECONNREFUSED, ""));
}

static void the_proxy_must_not_show_its_numbers(void **state)
{
	(void)state;
	assert_true(holds(PROBE_HTTP_HIDDEN, NET_CLOSED, 0, "HTTP/1.1 404 Not Found\r\n\r\n"));
	assert_false(
		holds(PROBE_HTTP_HIDDEN, NET_CLOSED, 0, "HTTP/1.1 200 OK\r\n\r\npipelock_up 1"));
	assert_true(holds(PROBE_HTTP_OK, NET_CLOSED, 0, "HTTP/1.1 200 OK\r\n\r\n{}"));
	assert_false(holds(PROBE_HTTP_OK, NET_CLOSED, 0, "HTTP/1.1 503 Busy\r\n\r\n{}"));
}

static void an_allowed_host_is_served_by_itself(void **state)
{
	struct probe p = ended(PROBE_TLS_SERVED, NET_ANSWERED, 0, "\x16\x03\x03\x01\x31");
	char detail[256];

	(void)state;
	assert_false(probe_judge(&p, detail, sizeof detail)); /* the first answer is the proxy's */
	p.talk.second = true;
	assert_true(probe_judge(&p, detail, sizeof detail));
	assert_true(holds(PROBE_HTTP_SERVED, NET_CLOSED, 0, "HTTP/1.1 301 Moved\r\n\r\n"));
	assert_false(holds(PROBE_HTTP_SERVED, NET_CLOSED, 0,
			   "HTTP/1.1 403 Forbidden\r\n\r\nblocked: x"));
	assert_false(holds(PROBE_HTTP_SERVED, NET_CLOSED, 0, "HTTP/1.1 502 Bad Gateway\r\n\r\n"));
}

static void the_gate_refuses_what_it_does_not_have(void **state)
{
	(void)state;
	assert_true(holds(PROBE_GIT_REFUSED, NET_ANSWERED, 0, "0013ERR access denied"));
	assert_true(holds(PROBE_GIT_REFUSED, NET_CLOSED, 0, ""));
	assert_false(
		holds(PROBE_GIT_REFUSED, NET_ANSWERED, 0, "003fd670460b4b4aece5915caf5c68d12f5"));
	assert_false(holds(PROBE_GIT_REFUSED, NET_SILENT, 0, ""));
}

/* --- options, and what the kernel and the image say -------------------------- */

static void flags_are_read_and_wrong_ones_refused(void **state)
{
	char *good[] = { S("--host"),     S("172.17.0.1"), S("--host"),    S("192.0.2.2"),
			 S("--peer"),     S("10.0.0.2"),   S("--proxy"),   S("10.1.0.3:8888"),
			 S("--resolver"), S("10.1.0.4"),   S("--allowed"), S("a.test") };
	char *bad[][8] = {
		{ S("--host"), S("a.test"), S("--proxy"), S("10.1.0.3:8888"), S("--resolver"),
		  S("10.1.0.4"), NULL },
		{ S("--host"), S("10.0.0.1:22"), S("--proxy"), S("10.1.0.3:8888"), S("--resolver"),
		  S("10.1.0.4"), NULL },
		{ S("--host"), S("10.0.0.1"), S("--proxy"), S("10.1.0.3"), S("--resolver"),
		  S("10.1.0.4"), NULL },
		{ S("--host"), S("10.0.0.1"), S("--proxy"), S("10.1.0.3:0"), S("--resolver"),
		  S("10.1.0.4"), NULL },
		{ S("--host"), S("10.0.0.1"), S("--proxy"), S("10.1.0.3:8888"), S("--resolver"),
		  NULL },
		{ S("--host"), S("10.0.0.1"), S("--proxy"), S("10.1.0.3:8888"), NULL },
		{ S("--host"), S("10.0.0.1"), S("--proxy"), S("1.1.0.3:1"), S("--allowed"),
		  S("a b"), NULL },
		{ S("--resolver"), S("10.1.0.4"), S("--proxy"), S("10.1.0.3:8888"), NULL },
	};
	struct probe_options o;
	char why[128];

	(void)state;
	assert_int_equal(probe_options(&o, why, sizeof why, 12, good), 0);
	assert_int_equal(o.n_host, 2);
	assert_string_equal(o.host[1], "192.0.2.2");
	assert_string_equal(o.peer[0], "10.0.0.2");
	assert_string_equal(o.allowed, "a.test");
	assert_null(o.gate);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int n = 0;

		while (bad[i][n] != NULL)
			n++;
		assert_int_equal(probe_options(&o, why, sizeof why, n, bad[i]), -1);
	}
}

static void ipv6_beside_loopback_is_seen(void **state)
{
	static const char lo[] = "00000000000000000000000000000001 01 80 10 80       lo\n";
	static const char both[] = "00000000000000000000000000000001 01 80 10 80       lo\n"
				   "fe800000000000000042acfffe110002 05 40 20 80     eth0\n";

	(void)state;
	assert_false(probe_has_ipv6(""));
	assert_false(probe_has_ipv6(lo));
	assert_true(probe_has_ipv6(both));
}

static void a_sibling_must_have_its_own_address(void **state)
{
	static const char hosts[] =
		"127.0.0.1\tlocalhost\n# 10.1.0.3 pipelock\n"
		"10.1.0.3\tpipelock proxy\n10.1.0.4 resolver # 10.1.0.5 git-gate\n"
		"10.1.0.9 pipelock\n";

	(void)state;
	assert_true(probe_hosts_has(hosts, "pipelock", "10.1.0.3"));
	assert_true(probe_hosts_has(hosts, "proxy", "10.1.0.3"));
	assert_false(probe_hosts_has(hosts, "pipelock", "10.1.0.9"));
	assert_false(probe_hosts_has(hosts, "pipelock", "10.1.0.30"));
	assert_false(probe_hosts_has(hosts, "git-gate", "10.1.0.4"));
	assert_false(probe_hosts_has(hosts, "pipe", "10.1.0.3"));
	assert_false(probe_hosts_has("", "pipelock", "10.1.0.3"));
}

static void a_status_field_is_found_by_its_whole_name(void **state)
{
	static const char status[] = "Name:\tsh\nCapInh:\t0000000000000000\nSeccomp_filters:\t1\n"
				     "Seccomp:\t2 \n";
	char out[32];

	(void)state;
	assert_true(selfcheck_field(out, sizeof out, status, "Seccomp"));
	assert_string_equal(out, "2");
	assert_true(selfcheck_field(out, sizeof out, status, "CapInh"));
	assert_string_equal(out, "0000000000000000");
	assert_false(selfcheck_field(out, sizeof out, status, "NoNewPrivs"));
	assert_false(selfcheck_field(out, sizeof out, status, "Cap"));
	assert_false(selfcheck_field(out, 8, status, "CapInh"));
}

static void the_engines_own_mounts_are_known(void **state)
{
	static const char *const own[] = {
		"640 502 0:58 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/x",
		"646 645 0:64 / /dev/shm rw,nosuid - tmpfs shm rw,size=65536k",
		"647 640 8:1 /var/lib/docker/containers/f0/resolv.conf /etc/resolv.conf rw - ext4 "
		"/dev/sda1 rw",
		"650 640 8:1 /usr/bin/docker-init /sbin/docker-init ro - ext4 /dev/sda1 rw",
		"651 641 0:61 /null /proc/kcore rw,nosuid - tmpfs tmpfs rw",
		"652 641 0:59 /sysrq-trigger /proc/sysrq-trigger ro - proc proc rw",
		"653 640 0:70 / /run/claude-bottle rw,nosuid - tmpfs tmpfs rw,uid=1000",
	};
	static const char *const foreign[] = {
		"700 640 0:22 /docker.sock /var/run/docker.sock rw - tmpfs tmpfs rw",
		"701 640 8:1 /home/me /host rw - ext4 /dev/sda1 rw",
		"702 640 8:1 /var/lib/docker/volumes/v/_data /data rw - ext4 /dev/sda1 rw",
		"703 640 0:5 / /dev rw - devtmpfs udev rw",
		"not a mount at all",
	};
	char where[64];

	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		assert_true(selfcheck_mount(where, sizeof where, own[i]));
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_false(selfcheck_mount(where, sizeof where, foreign[i]));
	assert_false(selfcheck_mount(where, sizeof where, foreign[0]));
	assert_string_equal(where, "/var/run/docker.sock");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_json_whatever_the_other_side_wrote),
		cmocka_unit_test(escaping_is_cut_between_characters),
		cmocka_unit_test(only_an_unreachable_address_is_unreached),
		cmocka_unit_test(a_refused_port_is_shut_and_a_silent_one_is_not),
		cmocka_unit_test(a_name_that_somebody_looked_up_has_leaked),
		cmocka_unit_test(a_refusal_counts_with_its_reason_alone),
		cmocka_unit_test(the_proxy_must_not_show_its_numbers),
		cmocka_unit_test(an_allowed_host_is_served_by_itself),
		cmocka_unit_test(the_gate_refuses_what_it_does_not_have),
		cmocka_unit_test(flags_are_read_and_wrong_ones_refused),
		cmocka_unit_test(ipv6_beside_loopback_is_seen),
		cmocka_unit_test(a_sibling_must_have_its_own_address),
		cmocka_unit_test(a_status_field_is_found_by_its_whole_name),
		cmocka_unit_test(the_engines_own_mounts_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
