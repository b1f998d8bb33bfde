#include "drivers/container/network.h"

#include "drivers/container/link.h"
#include "drivers/container/locks.h"
#include "drivers/container/program.h"
#include "drivers/container/slots.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/codec/json.h"
#include "schema/codec/metadata.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE "aquarium_containers"

enum { FIRST_HOST = 2, RESOLVERS_MAX = 3, LINE_SIZE = 512, PATH_SIZE = 64 };

static void address_text(uint32_t address, char text[NETWORK_ADDRESS_SIZE])
{
    const struct in_addr in = {htonl(address)};
    inet_ntop(AF_INET, &in, text, NETWORK_ADDRESS_SIZE);
}

void network_gateway(const struct aq_container_subnet *subnet, char text[NETWORK_ADDRESS_SIZE])
{
    address_text(subnet->gateway, text);
}

void network_place_init(struct network_place *place, const struct aq_container_subnet *subnet, uint32_t slot)
{
    *place = (struct network_place){.slot = slot,
                                    .subnet = *subnet,
                                    .address = subnet->first + FIRST_HOST + slot,
                                    /* Locally administered. */
                                    .hw = {0x02, 0x61, 0x71, 0, (unsigned char)(slot >> 8), (unsigned char)slot}};
    const unsigned char *hw = place->hw;
    address_text(place->address, place->ip_addr);
    snprintf(place->hw_addr, sizeof place->hw_addr, "%02x:%02x:%02x:%02x:%02x:%02x", hw[0], hw[1], hw[2], hw[3], hw[4],
             hw[5]);
}

/* ---- running ip and nft ------------------------------------------------------------------------------- */

static int run_script(const struct aq_container_settings *settings, const char *program, const char *option,
                      const struct aq_buffer *script, struct aq_error *error)
{
    char path[PATH_SIZE];
    AQ_CLEANUP_FD int memory = memfd_create("aquarium-script", 0);
    if (memory < 0 || aq_file_write_all(memory, script->data, script->length) != 0)
        return aq_fail_errno(error, errno, "cannot write a memory file");
    /* The number of this process, since the new one closes its copy. */
    snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), memory);
    const char *const arguments[] = {program, option, path, NULL};
    const struct program_run run = {.arguments = arguments,
                                    .until_ms = aq_clock_boot_ms() + settings->call_time * 1000,
                                    .bound = "container.call_time of the agent"};
    return program_run(&run, error);
}

static int write_sysctl(const char *path, const char *value, struct aq_error *error)
{
    AQ_CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return aq_fail_errno(error, errno, "cannot set %s", path);
    return 0;
}

/* ---- the bridge --------------------------------------------------------------------------------------- */

static void bridge_rules(const struct aq_container_subnet *subnet, struct aq_buffer *script)
{
    struct network_place place;
    aq_buffer_text(script, "table bridge " TABLE "\ndelete table bridge " TABLE "\ntable bridge " TABLE " {\n"
                           " set places { type ifname . ether_addr . ipv4_addr; elements = {\n");
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        network_place_init(&place, subnet, slot);
        aq_buffer_format(script, "  \"aqv%" PRIu32 "\" . %s . %s,\n", slot, place.hw_addr, place.ip_addr);
    }
    aq_buffer_text(script, " } }\n"
                           " chain port {\n"
                           "  ether type ip iifname . ether saddr . ip saddr @places accept\n"
                           "  ether type arp iifname . arp saddr ether . arp saddr ip @places accept\n"
                           "  drop\n"
                           " }\n"
                           " chain prerouting {\n"
                           "  type filter hook prerouting priority -300; policy accept;\n"
                           "  iifname \"aqv*\" jump port\n"
                           " }\n"
                           "}\n");
}

/* Where clouds have the metadata of a machine, containers get their own; those of the host are out of their reach.
 * What is at the gateway's port may be the host's own, and listen everywhere: so it is the socket's mark that counts.
 */
static void host_rules(const struct aq_container_subnet *subnet, bool marks, struct aq_buffer *script)
{
    char first[NETWORK_ADDRESS_SIZE], gateway[NETWORK_ADDRESS_SIZE];
    network_gateway(subnet, gateway);
    address_text(subnet->first, first);
    aq_buffer_text(script, "table ip " TABLE "\ndelete table ip " TABLE "\ntable ip " TABLE " {\n"
                           " map tcp_ports { type inet_service : ipv4_addr . inet_service; }\n"
                           " map udp_ports { type inet_service : ipv4_addr . inet_service; }\n"
                           " chain published {\n"
                           "  dnat to tcp dport map @tcp_ports\n"
                           "  dnat to udp dport map @udp_ports\n"
                           " }\n"
                           " chain prerouting {\n"
                           "  type nat hook prerouting priority -100; policy accept;\n"
                           "  iifname != \"" NETWORK_BRIDGE "\" fib daddr type local jump published\n");
    aq_buffer_format(script,
                     "  iifname \"" NETWORK_BRIDGE "\" ip daddr " AQ_METADATA_ADDRESS " tcp dport 80 dnat to %s:80\n",
                     gateway);
    aq_buffer_text(script, " }\n"
                           " chain output {\n"
                           "  type nat hook output priority -100; policy accept;\n"
                           "  fib daddr type local jump published\n"
                           " }\n");
    aq_buffer_format(script,
                     " chain postrouting {\n"
                     "  type nat hook postrouting priority 100; policy accept;\n"
                     "  oifname \"" NETWORK_BRIDGE "\" ip saddr 127.0.0.0/8 masquerade\n"
                     "  oifname != \"" NETWORK_BRIDGE "\" ip saddr %s/%u masquerade\n"
                     " }\n",
                     first, subnet->bits);
    aq_buffer_text(script, " chain forward {\n"
                           "  type filter hook forward priority 0; policy accept;\n"
                           "  iifname \"" NETWORK_BRIDGE "\" oifname \"" NETWORK_BRIDGE "\" drop\n"
                           "  iifname \"" NETWORK_BRIDGE "\" ip daddr 169.254.0.0/16 drop\n"
                           "  oifname \"" NETWORK_BRIDGE "\" ct state established,related accept\n"
                           "  oifname \"" NETWORK_BRIDGE "\" ct status dnat accept\n"
                           "  oifname \"" NETWORK_BRIDGE "\" drop\n"
                           " }\n"
                           " chain input {\n"
                           "  type filter hook input priority 0; policy accept;\n"
                           "  iifname \"" NETWORK_BRIDGE "\" ct state established,related accept\n"
                           "  iifname \"" NETWORK_BRIDGE "\" icmp type echo-request accept\n");
    if (marks)
        aq_buffer_format(script,
                         "  iifname \"" NETWORK_BRIDGE "\" ip daddr %s meta l4proto tcp socket mark %u accept\n",
                         gateway, NETWORK_MARK);
    aq_buffer_text(script, "  iifname \"" NETWORK_BRIDGE "\" drop\n"
                           " }\n"
                           "}\n");
}

static unsigned port_of(const json_t *port, const char *which)
{
    return (unsigned)json_integer_value(json_object_get(port, which));
}

static bool is_udp(const json_t *port)
{
    return json_is_true(json_object_get(port, "udp"));
}

static void port_element(struct aq_buffer *script, const char *verb, const json_t *port, const char *value)
{
    aq_buffer_format(script, "%s element ip " TABLE " %s_ports { %u%s }\n", verb, is_udp(port) ? "udp" : "tcp",
                     port_of(port, "outside"), value);
}

static void port_add(struct aq_buffer *script, const struct network_place *place, const json_t *port)
{
    char value[NETWORK_ADDRESS_SIZE + 16];
    snprintf(value, sizeof value, " : %s . %u", place->ip_addr, port_of(port, "inside"));
    port_element(script, "add", port, value);
}

struct restoring {
    const struct aq_container_subnet *subnet;
    struct aq_buffer *script;
    bool taken[2][1 << 16]; /* TCP, UDP: a port is claimed once, but may be noted in a slot whose keeper was killed */
};

static void restore_slot(void *context, uint32_t slot, const char *image, const char *text)
{
    struct restoring *restoring = context;
    struct network_place place;
    AQ_CLEANUP_JSON json_t *ports = json_loads(text, 0, NULL);
    const json_t *port;
    size_t i;
    (void)image;
    network_place_init(&place, restoring->subnet, slot);
    json_array_foreach (ports, i, port) {
        bool *taken = &restoring->taken[is_udp(port)][port_of(port, "outside") & 0xffff];
        if (!*taken)
            port_add(restoring->script, &place, port);
        *taken = true;
    }
}

static void restore_ports(const struct aq_container_settings *settings, const struct aq_container_subnet *subnet,
                          struct aq_buffer *script)
{
    struct restoring *restoring = aq_calloc(1, sizeof *restoring);
    restoring->subnet = subnet;
    restoring->script = script;
    slots_each(settings, restore_slot, restoring);
    free(restoring);
}

static int load_rules_of(const struct aq_container_settings *settings, const struct aq_container_subnet *subnet,
                         bool marks, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer rules = {0};
    host_rules(subnet, marks, &rules);
    bridge_rules(subnet, &rules);
    restore_ports(settings, subnet, &rules);
    return run_script(settings, "nft", "-f", &rules, error);
}

/* A kernel without nft_socket cannot tell sockets by their marks: then containers reach no metadata service. */
static int load_rules(const struct aq_container_settings *settings, const struct aq_container_subnet *subnet,
                      struct aq_error *error)
{
    return load_rules_of(settings, subnet, true, error) == 0 ? 0 : load_rules_of(settings, subnet, false, error);
}

/* A program that sets up the host's own rules again often removes all others. */
static bool rules_are_missing(void)
{
    return link_table_is_missing(NFPROTO_IPV4, TABLE) || link_table_is_missing(NFPROTO_BRIDGE, TABLE);
}

static int make_bridge(const struct aq_container_settings *settings, const struct aq_container_subnet *subnet,
                       struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer links = {0};
    char gateway[NETWORK_ADDRESS_SIZE];
    network_gateway(subnet, gateway);
    if (load_rules(settings, subnet, error) != 0)
        return -1;
    aq_buffer_format(&links,
                     "link add " NETWORK_BRIDGE " address 02:61:71:ff:ff:fe type bridge\n"
                     "addr add %s/%u dev " NETWORK_BRIDGE "\n",
                     gateway, subnet->bits);
    if (run_script(settings, "ip", "-batch", &links, error) != 0)
        return -1;
    if (write_sysctl("/proc/sys/net/ipv4/ip_forward", "1", error) != 0 ||
        write_sysctl("/proc/sys/net/ipv4/conf/" NETWORK_BRIDGE "/route_localnet", "1", error) != 0)
        return -1;
    struct aq_error ignored;
    int off = write_sysctl("/proc/sys/net/ipv6/conf/" NETWORK_BRIDGE "/disable_ipv6", "1", &ignored);
    (void)off; /* the host has no IPv6 */
    aq_buffer_reset(&links);
    aq_buffer_text(&links, "link set " NETWORK_BRIDGE " up\n");
    return run_script(settings, "ip", "-batch", &links, error);
}

bool network_rules_are_gone(void)
{
    return link_is_up(NETWORK_BRIDGE) && rules_are_missing();
}

int network_lock(const struct aq_container_settings *settings, struct aq_error *error)
{
    const uint64_t until_ms = aq_clock_boot_ms() + settings->call_time * 1000;
    return lock_open(SLOTS_DIRECTORY "/network.lock", LOCK_EX, until_ms, error);
}

int network_prepare(const struct aq_container_settings *settings, struct aq_error *error)
{
    struct aq_container_subnet subnet;
    if (aq_container_subnet_parse(&subnet, settings->network, error) != 0)
        return -1;
    if (link_is_up(NETWORK_BRIDGE) && !rules_are_missing())
        return 0;
    AQ_CLEANUP_FD int lock = network_lock(settings, error);
    if (lock < 0)
        return -1;
    if (link_is_up(NETWORK_BRIDGE))
        return rules_are_missing() ? load_rules(settings, &subnet, error) : 0;
    if (if_nametoindex(NETWORK_BRIDGE) != 0) { /* half made */
        AQ_CLEANUP_BUFFER struct aq_buffer links = {0};
        aq_buffer_text(&links, "link del " NETWORK_BRIDGE "\n");
        if (run_script(settings, "ip", "-batch", &links, error) != 0)
            return -1;
    }
    if (make_bridge(settings, &subnet, error) != 0)
        return aq_error_context(error, "the network of containers");
    return 0;
}

/* ---- one container ------------------------------------------------------------------------------------ */

static void device_name(uint32_t slot, char name[IFNAMSIZ])
{
    snprintf(name, IFNAMSIZ, "aqv%" PRIu32, slot);
}

void network_device(const char *hw_addr, char name[16])
{
    unsigned high, low;
    name[0] = '\0';
    if (sscanf(hw_addr, "02:61:71:00:%2x:%2x", &high, &low) == 2)
        device_name(high << 8 | low, name);
}

int network_connect(const struct network_place *place, int space, struct aq_error *error)
{
    char name[IFNAMSIZ];
    device_name(place->slot, name);
    if (link_make_pair(name, NETWORK_BRIDGE, place->hw, space, error) != 0)
        return -1;
    return link_set_address(space, place->address, place->subnet.bits, place->subnet.gateway, error);
}

/* ---- ports -------------------------------------------------------------------------------------------- */

int network_claim_ports(const json_t *ports, struct aq_error *error)
{
    const json_t *port;
    size_t i;
    json_array_foreach (ports, i, port) {
        const struct sockaddr_in address = {.sin_family = AF_INET,
                                            .sin_port = htons((uint16_t)port_of(port, "outside")),
                                            .sin_addr.s_addr = htonl(INADDR_ANY)};
        /* Stays open: it is the claim. Nothing listens. */
        int fd = socket(AF_INET, (is_udp(port) ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
        const int number = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
        if (number == EADDRINUSE)
            return aq_fail(error, AQ_E_STATE, "port %u%s of the node is in use, by another container or a server",
                           port_of(port, "outside"), is_udp(port) ? "/udp" : "");
        if (number != 0)
            return aq_fail_errno(error, number, "port %u%s of the node", port_of(port, "outside"),
                                 is_udp(port) ? "/udp" : "");
    }
    return 0;
}

void network_unpublish(const struct aq_container_settings *settings, const json_t *ports)
{
    const json_t *port;
    size_t i;
    json_array_foreach (ports, i, port) {
        AQ_CLEANUP_BUFFER struct aq_buffer script = {0};
        struct aq_error ignored;
        port_element(&script, "delete", port, "");
        int failed = run_script(settings, "nft", "-f", &script, &ignored);
        (void)failed; /* it is not there */
    }
}

int network_publish(const struct aq_container_settings *settings, const struct network_place *place,
                    const json_t *ports, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer script = {0};
    const json_t *port;
    size_t i;
    if (json_array_size(ports) == 0)
        return 0;
    network_unpublish(settings, ports); /* of a container whose keeper was killed */
    json_array_foreach (ports, i, port)
        port_add(&script, place, port);
    if (run_script(settings, "nft", "-f", &script, error) != 0)
        return aq_error_context(error, "the ports of the container");
    return 0;
}

/* ---- names -------------------------------------------------------------------------------------------- */

/* Copies the lines that containers can use. Returns how many resolvers there are. */
static unsigned copy_resolvers(const char *path, struct aq_buffer *text)
{
    AQ_CLEANUP_FILE FILE *file = fopen(path, "re");
    char line[LINE_SIZE], address[LINE_SIZE];
    unsigned count = 0;
    aq_buffer_reset(text);
    aq_buffer_text(text, "");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        struct in_addr parsed;
        if (sscanf(line, "nameserver %511s", address) == 1) {
            if (inet_pton(AF_INET, address, &parsed) != 1 || ntohl(parsed.s_addr) >> 24 == 127 ||
                count == RESOLVERS_MAX)
                continue;
            count++;
        } else if (strncmp(line, "search", 6) != 0 && strncmp(line, "options", 7) != 0) {
            continue;
        }
        aq_buffer_text(text, line);
    }
    return count;
}

void network_resolvers(struct aq_buffer *text)
{
    /* The second is of hosts whose own resolver listens on the loopback device. */
    if (copy_resolvers("/etc/resolv.conf", text) == 0)
        copy_resolvers("/run/systemd/resolve/resolv.conf", text);
}
