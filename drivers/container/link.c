#include "drivers/container/link.h"

#include "schema/base/files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const char inside_name[] = "eth0";

/* ---- messages ----------------------------------------------------------------------------------------- */

struct message {
    struct nlmsghdr header;
    struct ifinfomsg link;
    char attributes[480];
};

static void *message_end(struct message *message)
{
    return (char *)message + NLMSG_ALIGN(message->header.nlmsg_len);
}

/* Appends an attribute; what it holds may be appended afterwards, until attribute_close(). */
static struct rtattr *attribute_add(struct message *message, unsigned short type, const void *bytes, size_t length)
{
    struct rtattr *attribute = message_end(message);
    aq_assert((char *)attribute + RTA_SPACE(length) <= (char *)(message + 1));
    attribute->rta_type = type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(length);
    if (length > 0)
        memcpy(RTA_DATA(attribute), bytes, length);
    message->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(message->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len));
    return attribute;
}

static void attribute_close(struct message *message, struct rtattr *attribute)
{
    attribute->rta_len = (unsigned short)((char *)message_end(message) - (char *)attribute);
}

static struct message message_new(unsigned short type, unsigned short flags)
{
    return (struct message){.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                                       .nlmsg_type = type,
                                       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags}};
}

/* Returns 0, or -1 with errno. */
static int message_send(const struct message *message)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr result;
        char rest[1024];
    } answer;
    AQ_CLEANUP_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0 || send(fd, message, message->header.nlmsg_len, 0) < 0)
        return -1;
    ssize_t length = recv(fd, &answer, sizeof answer, 0);
    if (length < (ssize_t)(sizeof answer.header + sizeof answer.result.error) ||
        answer.header.nlmsg_type != NLMSG_ERROR) {
        errno = length < 0 ? errno : EPROTO;
        return -1;
    }
    errno = -answer.result.error;
    return answer.result.error == 0 ? 0 : -1;
}

/* ---- devices ------------------------------------------------------------------------------------------ */

static bool request_fill(struct ifreq *request, const char *name)
{
    *request = (struct ifreq){0};
    return snprintf(request->ifr_name, sizeof request->ifr_name, "%s", name) < (int)sizeof request->ifr_name;
}

bool link_is_up(const char *name)
{
    struct ifreq request;
    AQ_CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && request_fill(&request, name) && ioctl(fd, SIOCGIFFLAGS, &request) == 0 &&
           (request.ifr_flags & IFF_UP) != 0;
}

bool link_table_is_missing(uint8_t family, const char *name)
{
    struct {
        struct nlmsghdr header;
        struct nfgenmsg about;
        struct nlattr attribute;
        char name[NFT_NAME_MAXLEN];
    } question = {.header = {.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, .nlmsg_flags = NLM_F_REQUEST},
                  .about = {.nfgen_family = family},
                  .attribute = {.nla_type = NFTA_TABLE_NAME}};
    struct {
        struct nlmsghdr header;
        struct nlmsgerr result;
        char rest[1024];
    } answer;
    const size_t length = strlen(name) + 1;
    aq_assert(length <= sizeof question.name);
    memcpy(question.name, name, length);
    question.attribute.nla_len = (unsigned short)(NLA_HDRLEN + length);
    question.header.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof question.about) + NLA_HDRLEN + NLA_ALIGN(length));
    AQ_CLEANUP_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    return fd >= 0 && send(fd, &question, question.header.nlmsg_len, 0) >= 0 &&
           recv(fd, &answer, sizeof answer, 0) >= (ssize_t)NLMSG_LENGTH(sizeof answer.result.error) &&
           answer.header.nlmsg_type == NLMSG_ERROR && answer.result.error == -ENOENT;
}

static int pair_create(const char *name, unsigned bridge, const unsigned char hw_addr[6], int space)
{
    const uint32_t in = (uint32_t)space;
    const struct ifinfomsg no_change = {0};
    struct message message = message_new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.link.ifi_flags = message.link.ifi_change = IFF_UP;
    attribute_add(&message, IFLA_IFNAME, name, strlen(name) + 1);
    attribute_add(&message, IFLA_MASTER, &bridge, sizeof bridge);
    struct rtattr *info = attribute_add(&message, IFLA_LINKINFO, NULL, 0);
    attribute_add(&message, IFLA_INFO_KIND, "veth", 4);
    struct rtattr *data = attribute_add(&message, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *peer = attribute_add(&message, VETH_INFO_PEER, &no_change, sizeof no_change);
    attribute_add(&message, IFLA_IFNAME, inside_name, sizeof inside_name);
    attribute_add(&message, IFLA_ADDRESS, hw_addr, 6);
    attribute_add(&message, IFLA_NET_NS_FD, &in, sizeof in);
    attribute_close(&message, peer);
    attribute_close(&message, data);
    attribute_close(&message, info);
    return message_send(&message);
}

/* Calls `act` in the network namespace. Returns what it does, -1 with errno. */
static int inside_do(int space, int (*act)(void))
{
    AQ_CLEANUP_FD int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own < 0 || setns(space, CLONE_NEWNET) != 0)
        return -1;
    int result = act();
    int number = errno;
    int back = setns(own, CLONE_NEWNET);
    aq_assert(back == 0);
    errno = number;
    return result;
}

/* For devices that come later. */
static int forbid_ipv6(void)
{
    AQ_CLEANUP_FD int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1; /* the host has no IPv6 */
    return write(fd, "1", 1) == 1 ? 0 : -1;
}

static int open_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int port_isolate(const char *name)
{
    const uint8_t on = 1;
    struct message message = message_new(RTM_SETLINK, 0);
    message.link.ifi_family = AF_BRIDGE;
    message.link.ifi_index = (int)if_nametoindex(name);
    struct rtattr *port = attribute_add(&message, IFLA_PROTINFO | NLA_F_NESTED, NULL, 0);
    attribute_add(&message, IFLA_BRPORT_ISOLATED, &on, sizeof on);
    attribute_close(&message, port);
    return message_send(&message);
}

int link_make_pair(const char *name, const char *bridge, const unsigned char hw_addr[6], int space,
                   struct aq_error *error)
{
    unsigned index = if_nametoindex(bridge);
    if (index == 0)
        return aq_fail_errno(error, errno, "bridge %s", bridge);
    if (inside_do(space, forbid_ipv6) < 0)
        return aq_fail_errno(error, errno, "cannot enter the container's network");
    if (pair_create(name, index, hw_addr, space) != 0)
        return aq_fail_errno(error, errno, "cannot make the network device %s", name);
    if (port_isolate(name) != 0)
        return aq_fail_errno(error, errno, "cannot isolate the port %s of bridge %s", name, bridge);
    return 0;
}

/* ---- addresses ---------------------------------------------------------------------------------------- */

static struct sockaddr_in internet(uint32_t address)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
}

static int set_number(int fd, unsigned long what, uint32_t number)
{
    struct ifreq request;
    const struct sockaddr_in value = internet(number);
    request_fill(&request, inside_name);
    memcpy(&request.ifr_addr, &value, sizeof value);
    return ioctl(fd, what, &request);
}

static int add_gateway(int fd, uint32_t gateway)
{
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    const struct sockaddr_in through = internet(gateway), any = internet(0);
    memcpy(&route.rt_gateway, &through, sizeof through);
    memcpy(&route.rt_dst, &any, sizeof any);
    memcpy(&route.rt_genmask, &any, sizeof any);
    return ioctl(fd, SIOCADDRT, &route);
}

static int set_up(int fd, const char *name)
{
    struct ifreq request;
    request_fill(&request, name);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(fd, SIOCSIFFLAGS, &request);
}

int link_set_address(int space, uint32_t address, unsigned bits, uint32_t gateway, struct aq_error *error)
{
    AQ_CLEANUP_FD int fd = inside_do(space, open_socket);
    if (fd < 0 || set_up(fd, "lo") != 0 || set_number(fd, SIOCSIFADDR, address) != 0 ||
        set_number(fd, SIOCSIFNETMASK, UINT32_MAX << (32 - bits)) != 0 || set_up(fd, inside_name) != 0 ||
        add_gateway(fd, gateway) != 0)
        return aq_fail_errno(error, errno, "cannot configure the container's network device");
    return 0;
}
