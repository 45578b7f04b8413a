#include "probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"

#define PROBES_MAX 192
#define ZONE "isolation-probe.invalid"

struct plan {
	struct probe list[PROBES_MAX];
	size_t n;
	uint16_t next_id;
};

static int one(const char **slot, const char *value)
{
	if (*slot != NULL)
		return -1;
	*slot = value;
	return 0;
}

static int add_to(const char **list, size_t *n, size_t max, const char *value)
{
	if (*n == max)
		return -1;
	list[(*n)++] = value;
	return 0;
}

static bool is_host(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-");

	return n > 0 && n <= 100 && s[n] == '\0';
}

static int take_flag(struct probe_options *o, const char *flag, const char *value)
{
	struct sockaddr_storage to;
	bool is_ip = net_address(&to, value, 1) == 0 && strpbrk(value, ":[") == NULL;
	bool is_ip_port = net_address(&to, value, 0) == 0 && to.ss_family == AF_INET;

	if (strcmp(flag, "--host") == 0)
		return is_ip ? add_to(o->host, &o->n_host, PROBE_HOSTS_MAX, value) : -1;
	if (strcmp(flag, "--peer") == 0)
		return is_ip ? add_to(o->peer, &o->n_peer, PROBE_PEERS_MAX, value) : -1;
	if (strcmp(flag, "--resolver") == 0)
		return is_ip ? one(&o->resolver, value) : -1;
	if (strcmp(flag, "--proxy") == 0)
		return is_ip_port ? one(&o->proxy, value) : -1;
	if (strcmp(flag, "--gate") == 0)
		return is_ip_port ? one(&o->gate, value) : -1;
	if (strcmp(flag, "--allowed") == 0)
		return is_host(value) ? one(&o->allowed, value) : -1;
	if (strcmp(flag, "--intercepted") == 0)
		return is_host(value) ? one(&o->intercepted, value) : -1;
	return -1;
}

int probe_options(struct probe_options *out, char *why, size_t cap, int argc, char **argv)
{
	struct probe_options o = { 0 };

	for (int i = 0; i < argc; i += 2) {
		if (i + 1 == argc || take_flag(&o, argv[i], argv[i + 1]) < 0) {
			snprintf(why, cap, "cannot use %s %s", argv[i],
				 i + 1 == argc ? "without a value" : argv[i + 1]);
			return -1;
		}
	}
	if (o.proxy == NULL || o.resolver == NULL || o.n_host == 0) {
		snprintf(why, cap, "--proxy, --resolver and a --host are needed");
		return -1;
	}
	*out = o;
	return 0;
}

/* A new probe of address (with port, or with its own when port is 0). */
static struct probe *add(struct plan *plan, const char *check, enum probe_want want,
			 const char *address, uint16_t port)
{
	struct probe *p = &plan->list[plan->n];

	if (plan->n == PROBES_MAX || net_address(&p->talk.to, address, port) < 0) {
		/* the options were checked, so a plan without this check must not be run */
		fprintf(stderr, "probe: no place for %s %s\n", check, address);
		exit(2);
	}
	p->check = check;
	p->want = want;
	p->talk.type = SOCK_STREAM;
	if (port == 0)
		snprintf(p->target, sizeof p->target, "%s", address);
	else
		snprintf(p->target, sizeof p->target, "%s:%u", address, port);
	plan->n++;
	return p;
}

static void set_say(struct probe *p, size_t which, size_t len)
{
	if (len == 0 || len > sizeof p->talk.say[which]) {
		fprintf(stderr, "probe: the request of %s %s is too long\n", p->check, p->target);
		exit(2);
	}
	p->talk.say_len[which] = len;
}

static void add_dns(struct plan *plan, const char *check, enum probe_want want, const char *ip,
		    const char *name)
{
	struct probe *p = add(plan, check, want, ip, 53);

	p->talk.type = SOCK_DGRAM;
	snprintf(p->target, sizeof p->target, "%s @%s", name, ip);
	set_say(p, 0,
		answer_dns_query(p->talk.say[0], sizeof p->talk.say[0], plan->next_id++, name));
}

static bool http_is_whole(const struct net_talk *t, bool second)
{
	struct answer_http a;

	(void)second;
	/* without a length the end is the other side's close, but for a tunnel, which has none */
	return answer_http(&a, (const char *)t->reply, t->reply_len) &&
	       ((a.wanted >= 0 && a.body_len >= (size_t)a.wanted) ||
		(a.wanted < 0 && a.status == 200 && memcmp(t->say[0], "CONNECT ", 8) == 0));
}

static void add_http(struct plan *plan, const char *check, enum probe_want want, const char *proxy,
		     const char *method, const char *url)
{
	struct probe *p = add(plan, check, want, proxy, 0);
	const char *host = strstr(url, "://");
	int n;

	host = host == NULL ? url : host + 3;
	n = snprintf((char *)p->talk.say[0], sizeof p->talk.say[0],
		     "%s %s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: claude-bottle-isolation-probe\r\n"
		     "Connection: close\r\n\r\n",
		     method, url, (int)strcspn(host, "/"), host);
	set_say(p, 0, (size_t)n);
	p->talk.enough = http_is_whole;
	snprintf(p->target, sizeof p->target, "%s %s", method, url);
}

static bool tunnel_is_open(const struct net_talk *t)
{
	struct answer_http a;

	return answer_http(&a, (const char *)t->reply, t->reply_len) && a.status == 200;
}

static bool head_or_record(const struct net_talk *t, bool second)
{
	return second ? t->reply_len >= 5 : http_is_whole(t, false);
}

static void add_reach(struct plan *plan, const struct probe_options *o)
{
	add(plan, "outside", PROBE_UNREACHED, "192.0.2.1", 443);
	add(plan, "outside", PROBE_UNREACHED, "203.0.113.1", 80);
	add(plan, "outside-ipv6", PROBE_UNREACHED, "[2001:db8::1]", 443);
	add(plan, "metadata", PROBE_UNREACHED, "169.254.169.254", 80);
	for (size_t i = 0; i < o->n_host; i++) {
		add(plan, "host-address", PROBE_UNREACHED, o->host[i], 22);
		add(plan, "engine-port", PROBE_UNREACHED, o->host[i], 2375);
		add(plan, "engine-port", PROBE_UNREACHED, o->host[i], 2376);
	}
	for (size_t i = 0; i < o->n_peer; i++)
		add(plan, "peer", PROBE_UNREACHED, o->peer[i], 8888);
}

/* The first address of each network that we are in: where a bridge has its own. */
static bool add_gateways(struct plan *plan)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		struct in_addr own, mask, first;
		char text[INET_ADDRSTRLEN];

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET ||
		    i->ifa_netmask == NULL || (i->ifa_flags & IFF_LOOPBACK) != 0)
			continue;
		own = ((struct sockaddr_in *)i->ifa_addr)->sin_addr;
		mask = ((struct sockaddr_in *)i->ifa_netmask)->sin_addr;
		first.s_addr = htonl(ntohl(own.s_addr & mask.s_addr) + 1);
		if (first.s_addr == own.s_addr ||
		    inet_ntop(AF_INET, &first, text, sizeof text) == NULL)
			continue;
		add(plan, "own-gateway", PROBE_UNREACHED, text, 22);
		found = true;
	}
	freeifaddrs(all);
	return found;
}

static const char *read_small(const char *path, char *text, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;
	size_t n = 0;

	while (fd >= 0 && n < cap - 1 && (got = read(fd, text + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	if (fd >= 0)
		close(fd);
	text[n] = '\0';
	return fd < 0 || got < 0 ? NULL : text;
}

static void add_names(struct plan *plan, const struct probe_options *o)
{
	char text[4096], ip[64];
	const char *s = read_small("/etc/resolv.conf", text, sizeof text);
	struct sockaddr_storage to;

	for (; s != NULL && *s != '\0'; s += strcspn(s, "\n"), s += *s == '\n')
		if (sscanf(s, "nameserver %63s", ip) == 1 && net_address(&to, ip, 53) == 0)
			add_dns(plan, "dns-configured", PROBE_DNS_UNANSWERED, ip, "outside." ZONE);
	add_dns(plan, "dns-resolver", PROBE_DNS_REFUSED, o->resolver, "direct." ZONE);
	add_dns(plan, "dns-outside", PROBE_UNREACHED, "198.51.100.53", "leak." ZONE);
}

static void add_proxy(struct plan *plan, const struct probe_options *o)
{
	const char *at[PROBE_HOSTS_MAX + 4] = { "169.254.169.254", "127.0.0.1" };
	char url[256], gate[64];
	size_t n = 2;

	add_http(plan, "proxy", PROBE_HTTP_OK, o->proxy, "GET", "/health");
	add_http(plan, "proxy-unlisted", PROBE_HTTP_UNLISTED, o->proxy, "GET",
		 "http://unlisted." ZONE "/");
	add_http(plan, "proxy-unlisted", PROBE_HTTP_REFUSED, o->proxy, "CONNECT",
		 "unlisted." ZONE ":443");
	at[n++] = o->resolver;
	if (o->gate != NULL) {
		snprintf(gate, sizeof gate, "%s", o->gate);
		gate[strcspn(gate, ":")] = '\0';
		at[n++] = gate;
		add_http(plan, "proxy-literal", PROBE_HTTP_REFUSED, o->proxy, "CONNECT", o->gate);
	}
	for (size_t i = 0; i < o->n_host; i++)
		at[n++] = o->host[i];
	for (size_t i = 0; i < n; i++) {
		snprintf(url, sizeof url, "http://%s/isolation-probe", at[i]);
		add_http(plan, "proxy-literal", PROBE_HTTP_REFUSED, o->proxy, "GET", url);
	}
	if (o->intercepted != NULL) {
		snprintf(url, sizeof url, "http://%s/isolation-probe.git/info/refs?service=%s",
			 o->intercepted, "git-receive-pack");
		add_http(plan, "proxy-push", PROBE_HTTP_DLP, o->proxy, "GET", url);
	}
	add_http(plan, "proxy-private", PROBE_HTTP_HIDDEN, o->proxy, "GET", "/metrics");
	add_http(plan, "proxy-private", PROBE_HTTP_HIDDEN, o->proxy, "GET", "/stats");
	add_http(plan, "proxy-private", PROBE_HTTP_HIDDEN, o->proxy, "GET",
		 "/api/v1/killswitch/status");
}

static void add_gate(struct plan *plan, const char *gate)
{
	struct probe *p;
	char ip[64];

	snprintf(ip, sizeof ip, "%s", gate);
	ip[strcspn(ip, ":")] = '\0';
	add(plan, "gate", PROBE_OPEN, gate, 0);
	add(plan, "gate-ssh", PROBE_SHUT, ip, 22);
	p = add(plan, "gate-unknown", PROBE_GIT_REFUSED, gate, 0);
	set_say(p, 0,
		answer_git_request((char *)p->talk.say[0], sizeof p->talk.say[0], "git-upload-pack",
				   "/" ZONE "/none.git", "git-gate"));
	snprintf(p->target, sizeof p->target, "git://%s/" ZONE "/none.git", gate);
}

static void add_allowed(struct plan *plan, const struct probe_options *o)
{
	char url[256];
	struct probe *p;

	/* a handshake that we break off would be an error of an intercepted host's */
	if (o->intercepted != NULL && strcmp(o->allowed, o->intercepted) == 0) {
		snprintf(url, sizeof url, "http://%s/", o->allowed);
		add_http(plan, "allowed", PROBE_HTTP_SERVED, o->proxy, "GET", url);
		plan->list[plan->n - 1].level = REPORT_WARN;
		return;
	}
	snprintf(url, sizeof url, "%s:443", o->allowed);
	add_http(plan, "allowed", PROBE_TLS_SERVED, o->proxy, "CONNECT", url);
	p = &plan->list[plan->n - 1];
	p->level = REPORT_WARN;
	p->talk.enough = head_or_record;
	p->talk.go_on = tunnel_is_open;
	set_say(p, 1, answer_tls_hello(p->talk.say[1], sizeof p->talk.say[1], o->allowed));
}

/* A default route is no fault: engines set one to the gateway address that nobody
 * has. IPv6 is: every bridge has a link-local address, the host's too. */
static void check_ipv6(struct report *r)
{
	static char text[16 * 1024];
	const char *s = read_small("/proc/net/if_inet6", text, sizeof text);
	bool ok = s == NULL || !probe_has_ipv6(s);

	report_check(r, "ipv6-address", "", ok, REPORT_MUST, 0, ok ? "none" : "there is one");
}

static void check_name(struct report *r, const char *hosts, const char *name, const char *address)
{
	char ip[64], target[128];
	bool ok;

	snprintf(ip, sizeof ip, "%s", address);
	ip[strcspn(ip, ":")] = '\0';
	ok = hosts != NULL && probe_hosts_has(hosts, name, ip);
	snprintf(target, sizeof target, "%s %s", name, ip);
	report_check(r, "sibling-name", target, ok, REPORT_MUST, 0,
		     ok ? "in /etc/hosts" : "not in /etc/hosts with this address");
}

static void report_talks(struct report *r, struct plan *plan)
{
	/* one array for the loop, so that it needs to know nothing of checks */
	static struct net_talk talks[PROBES_MAX];
	char detail[256];

	for (size_t i = 0; i < plan->n; i++)
		talks[i] = plan->list[i].talk;
	net_run(talks, plan->n);
	for (size_t i = 0; i < plan->n; i++) {
		struct probe *p = &plan->list[i];
		bool ok;

		p->talk = talks[i];
		detail[0] = '\0';
		ok = probe_judge(p, detail, sizeof detail);
		report_check(r, p->check, p->target, ok, p->level, p->talk.ms, detail);
	}
}

int probe_main(int argc, char **argv)
{
	static struct plan plan;
	struct probe_options o;
	struct report r = { 0 };
	char why[256], hosts[4096];
	const char *s;

	if (probe_options(&o, why, sizeof why, argc, argv) < 0) {
		fprintf(stderr, "probe: %s\n", why);
		return 2;
	}
	plan.next_id = (uint16_t)getpid();
	check_ipv6(&r);
	s = read_small("/etc/hosts", hosts, sizeof hosts);
	check_name(&r, s, "pipelock", o.proxy);
	check_name(&r, s, "resolver", o.resolver);
	if (o.gate != NULL)
		check_name(&r, s, "git-gate", o.gate);
	add_reach(&plan, &o);
	if (!add_gateways(&plan))
		report_check(&r, "own-gateway", "", false, REPORT_MUST, 0, "no network of our own");
	add_names(&plan, &o);
	add_proxy(&plan, &o);
	if (o.gate != NULL)
		add_gate(&plan, o.gate);
	if (o.allowed != NULL)
		add_allowed(&plan, &o);
	report_talks(&r, &plan);
	return report_done(&r);
}
