#include "schema/drivers/container.h"

#include "schema/drivers/allow.h"
#include "schema/drivers/readers.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

AQ_DEFINE_WORDS(aq_container_network, AQ_CONTAINER_NETWORKS)
AQ_DEFINE_WORDS(aq_container_pull, AQ_CONTAINER_PULLS)
AQ_DEFINE_SETTINGS(aq_container_options, "options", "options of driver container");
AQ_DEFINE_SETTINGS(aq_container_settings, "container", "images and networks of driver container");

/* ---- references --------------------------------------------------------------------------------------- */

#define DOCKER "docker://"
#define LOCAL  "oci:"
#define SHA256 "sha256:"

enum { DIGEST_DIGITS = 64, TAG_MAX = 128 };

bool aq_digest_is(const char *text)
{
    if (strncmp(text, SHA256, strlen(SHA256)) != 0 || strlen(text) != strlen(SHA256) + DIGEST_DIGITS)
        return false;
    return strspn(text + strlen(SHA256), "0123456789abcdef") == DIGEST_DIGITS;
}

static int refuse(const char *reference, const char *why, struct aq_error *error)
{
    return aq_fail(error, AQ_E_INVALID,
                   "option \"image\" is \"%.200s\", but %s: give [docker://]HOST/NAME:TAG, "
                   "[docker://]HOST/NAME@sha256:DIGEST, or oci:NAME[:TAG]",
                   reference, why);
}

static bool tag_is_good(const char *tag)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    if (tag[0] == '\0' || strlen(tag) > TAG_MAX || strchr(first, tag[0]) == NULL)
        return false;
    for (const char *c = tag; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("_.-", *c) == NULL)
            return false;
    return true;
}

/* No part of a path is empty, . or .. */
static bool parts_are_good(const char *path)
{
    for (const char *part = path; part != NULL; part = strchr(part, '/')) {
        part += part[0] == '/';
        size_t length = strcspn(part, "/");
        if (length == 0 || (part[0] == '.' && (length == 1 || (length == 2 && part[1] == '.'))))
            return false;
    }
    return true;
}

static bool name_is_good(const char *name, bool absolute)
{
    for (const char *c = name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("._-/:[]", *c) == NULL)
            return false;
    if (!isalnum((unsigned char)name[0]) && !(absolute && name[0] == '/') && name[0] != '[')
        return false;
    return parts_are_good(name);
}

int aq_image_parse(struct aq_image *image, const char *reference, struct aq_error *error)
{
    *image = (struct aq_image){0};
    const char *name = reference;
    if (strlen(reference) > AQ_IMAGE_MAX)
        return refuse(reference, "it is too long", error);
    image->local = strncmp(reference, LOCAL, strlen(LOCAL)) == 0;
    if (image->local)
        name += strlen(LOCAL);
    else if (strncmp(reference, DOCKER, strlen(DOCKER)) == 0)
        name += strlen(DOCKER);
    snprintf(image->name, sizeof image->name, "%s", name);
    char *digest = image->local ? NULL : strchr(image->name, '@');
    if (digest != NULL) {
        *digest++ = '\0';
        if (!aq_digest_is(digest))
            return refuse(reference, "what follows @ is no digest", error);
        snprintf(image->digest, sizeof image->digest, "%s", digest);
    }
    char *last = strrchr(image->name, '/');
    char *tag = strchr(last != NULL ? last : image->name, ':');
    if (tag != NULL) {
        *tag++ = '\0';
        if (!tag_is_good(tag))
            return refuse(reference, "it has a wrong tag", error);
        snprintf(image->tag, sizeof image->tag, "%s", tag);
    }
    if (!name_is_good(image->name, image->local))
        return refuse(reference, "it has a wrong name", error);
    return 0;
}

/* ---- ports --------------------------------------------------------------------------------------------- */

static bool port_number(const char *text, char end, unsigned *port, const char **rest)
{
    char *at;
    if (!isdigit((unsigned char)text[0]))
        return false;
    unsigned long number = strtoul(text, &at, 10);
    *port = (unsigned)number;
    *rest = at + (*at != '\0');
    return number >= 1 && number <= 65535 && (*at == end || (end == '/' && *at == '\0'));
}

int aq_container_port_parse(struct aq_container_port *port, const char *text, struct aq_error *error)
{
    const char *inside, *protocol;
    if (!port_number(text, ':', &port->outside, &inside) || !port_number(inside, '/', &port->inside, &protocol) ||
        (protocol[0] != '\0' && strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0))
        return aq_fail(error, AQ_E_INVALID,
                       "option \"ports\" has \"%.64s\", but must have texts such as 8080:80 or 53:53/udp: a port of "
                       "the node and one of the container, from 1 to 65535",
                       text);
    port->udp = strcmp(protocol, "udp") == 0;
    return 0;
}

/* ---- readers of options ------------------------------------------------------------------------------- */

static int read_image(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                      struct aq_error *error)
{
    struct aq_image image;
    if (aq_option_read_text(field, value, object, arena, error) != 0)
        return -1;
    return aq_image_parse(&image, json_string_value(value), error);
}

static int read_ports(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                      struct aq_error *error)
{
    const struct aq_container_options *options = object;
    struct aq_container_port port;
    if (aq_read_texts(field, value, object, arena, error) != 0)
        return -1;
    for (uint32_t i = 0; i < options->ports.count; i++)
        if (aq_container_port_parse(&port, AQ_TEXT_ITEM(options->ports, i), error) != 0)
            return -1;
    return 0;
}

static int read_hostname(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                         struct aq_error *error)
{
    static const char accepts[] = "letters, digits, - and ., and begin and end with a letter or digit";
    if (aq_option_read_text(field, value, object, arena, error) != 0)
        return -1;
    const char *name = json_string_value(value);
    for (const char *c = name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && ((*c != '-' && *c != '.') || c == name || c[1] == '\0'))
            return aq_option_refuse(field, value, accepts, error);
    return 0;
}

static const struct aq_option_reader readers[] = {
    {"image", "a reference to an image", read_image},
    {"command", "a list of texts, or one text", aq_read_command},
    {"entrypoint", "a list of texts", aq_read_texts},
    {"environment", "an object of texts and numbers", aq_read_environment},
    {"directory", "an absolute path", aq_read_directory},
    {"user", "a name or a number, and :GROUP", aq_read_user},
    {"hostname", "one line of letters, digits, - and .", read_hostname},
    {"ports", "a list of texts such as 8080:80", read_ports},
    {"mounts", "a list of texts such as /srv/data:/data:ro", aq_read_mounts},
    {0},
};

static enum aq_reach find_reach(const void *record)
{
    const struct aq_container_options *options = record;
    if (options->network == AQ_NETWORK_BRIDGE)
        return AQ_REACH_ADDRESS;
    return options->network == AQ_NETWORK_HOST ? AQ_REACH_HOST : AQ_REACH_NONE;
}

static int check_ports(const struct aq_container_options *options, struct aq_error *error)
{
    struct aq_container_port port, before;
    if (options->ports.count > 0 && options->network != AQ_NETWORK_BRIDGE)
        return aq_fail(error, AQ_E_INVALID, "option \"ports\" needs the network bridge, but \"network\" is %s",
                       aq_container_network_words.words[options->network]);
    for (uint32_t i = 0; i < options->ports.count; i++)
        for (uint32_t k = 0; k < i; k++) {
            if (aq_container_port_parse(&port, AQ_TEXT_ITEM(options->ports, i), error) != 0 ||
                aq_container_port_parse(&before, AQ_TEXT_ITEM(options->ports, k), error) != 0)
                return -1;
            if (port.outside == before.outside && port.udp == before.udp)
                return aq_fail(error, AQ_E_INVALID,
                               "option \"ports\" has \"%.64s\" and \"%.64s\", but a port of the node leads to one port",
                               AQ_TEXT_ITEM(options->ports, k), AQ_TEXT_ITEM(options->ports, i));
        }
    return 0;
}

static int check(const void *object, struct aq_error *error)
{
    const struct aq_container_options *options = object;
    if (options->entrypoint.count > 0 && AQ_TEXT_ITEM(options->entrypoint, 0)[0] == '\0')
        return aq_fail(error, AQ_E_INVALID, "option \"entrypoint\": the program's name is empty");
    return check_ports(options, error) == 0 ? aq_mounts_check(&options->mounts, NULL, error) : -1;
}

static void read_demand(const void *object, struct aq_demand *demand)
{
    const struct aq_container_options *options = object;
    demand->mounts = &options->mounts;
    demand->ports = &options->ports;
    demand->host_network = options->network == AQ_NETWORK_HOST;
}

AQ_DRIVER(
    container,
    "Runs a container of an OCI image, in namespaces, users and control groups of its own, by an OCI runtime (crun or "
    "runc) and without a container daemon. When its main process ends, all that it started ends too.",
    readers, read_demand, .check = check, .reach = find_reach, .takes_commands = true, .takes_arguments = true,
    .keeps_leases = true)

/* ---- settings ----------------------------------------------------------------------------------------- */

static bool is_range(const char *text, unsigned long *first, unsigned long *last)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    *first = *last = strtoul(text, &end, 10);
    if (*end == '-' && isdigit((unsigned char)end[1]))
        *last = strtoul(end + 1, &end, 10);
    return *end == '\0' && *first >= 1 && *first <= *last && *last <= 65535;
}

bool aq_container_port_is_allowed(const struct aq_container_settings *settings, unsigned port)
{
    unsigned long first, last;
    for (uint32_t i = 0; i < settings->ports.count; i++)
        if (is_range(AQ_TEXT_ITEM(settings->ports, i), &first, &last) && port >= first && port <= last)
            return true;
    return false;
}

int aq_container_subnet_parse(struct aq_container_subnet *subnet, const char *text, struct aq_error *error)
{
    char address[32], rest;
    struct in_addr parsed;
    if (sscanf(text, "%31[0-9.]/%u%c", address, &subnet->bits, &rest) != 2 ||
        inet_pton(AF_INET, address, &parsed) != 1 || subnet->bits < 8 || subnet->bits > 20 ||
        (ntohl(parsed.s_addr) & (UINT32_MAX >> subnet->bits)) != 0)
        return aq_fail(error, AQ_E_INVALID,
                       "container.network is \"%.64s\", but must be the first address of an IPv4 network and 8 to 20 "
                       "bits, such as 10.83.0.0/20",
                       text);
    subnet->first = ntohl(parsed.s_addr);
    subnet->gateway = subnet->first + 1;
    return 0;
}

int aq_container_settings_check(const struct aq_container_settings *settings, struct aq_error *error)
{
    const struct {
        const char *name, *path;
    } paths[] = {
        {"images", settings->images}, {"credentials", settings->credentials}, {"certificates", settings->certificates}};
    for (size_t i = 0; i < AQ_LENGTH(paths); i++)
        if (paths[i].path[0] != '\0' && paths[i].path[0] != '/')
            return aq_fail(error, AQ_E_INVALID, "container.%s is \"%.200s\", but must be an absolute path",
                           paths[i].name, paths[i].path);
    if (strchr(settings->images, ':') != NULL)
        return aq_fail(error, AQ_E_INVALID, "container.images is \"%.200s\", but must not have a colon in it",
                       settings->images);
    unsigned long first, last;
    struct aq_container_subnet subnet;
    for (uint32_t i = 0; i < settings->ports.count; i++)
        if (!is_range(AQ_TEXT_ITEM(settings->ports, i), &first, &last))
            return aq_fail(error, AQ_E_INVALID,
                           "container.ports[%u] is \"%.64s\", but must be a port or FIRST-LAST, from 1 to 65535", i,
                           AQ_TEXT_ITEM(settings->ports, i));
    return aq_container_subnet_parse(&subnet, settings->network, error);
}
