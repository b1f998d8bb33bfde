#include "drivers/container/plan.h"

#include "drivers/container/network.h"
#include "drivers/keeper/variables.h"
#include "schema/codec/json.h"
#include "schema/codec/metadata.h"
#include "schema/drivers/allow.h"

#include <stdio.h>
#include <string.h>

enum { HTTP_PORT = 80 };

/* ---- writing ------------------------------------------------------------------------------------------ */

static json_t *texts_of(const struct aq_list *list)
{
    json_t *texts = json_array();
    for (uint32_t i = 0; i < list->count; i++)
        json_array_append_new(texts, json_string_nocheck(AQ_TEXT_ITEM(*list, i)));
    return texts;
}

static int refuse_directory(const char *what, const char *path, struct aq_error *error)
{
    return aq_fail(error, AQ_E_FORBIDDEN,
                   "refused by the node: its owner does not allow %s \"%.200s\" (allow.directories of its agent)", what,
                   path);
}

static int add_mount(json_t *list, const struct aq_mount *mount, const struct aq_allowance *allowance,
                     struct aq_error *error)
{
    const char *inside = aq_allow_directory(&allowance->told, mount->source);
    if (inside == NULL)
        return refuse_directory("the mount of", mount->source, error);
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "source", mount->source, "inside", inside, "target",
                                          mount->target, "writable", mount->writable));
    return 0;
}

/* Those first that others may be inside of. `secrets` is a directory of the agent's; NULL: none. */
static int add_mounts(json_t *plan, const struct aq_list *mounts, const char *secrets,
                      const struct aq_allowance *allowance, struct aq_error *error)
{
    json_t *list = json_array();
    uint32_t added = 0;
    json_object_set_new(plan, "mounts", list);
    for (unsigned depth = 0; added < mounts->count; depth++)
        for (uint32_t i = 0; i < mounts->count; i++) {
            struct aq_mount mount;
            if (aq_mount_parse(&mount, AQ_TEXT_ITEM(*mounts, i), error) != 0)
                return -1;
            if (aq_path_depth(mount.target) != depth)
                continue;
            if (add_mount(list, &mount, allowance, error) != 0)
                return -1;
            added++;
        }
    if (secrets != NULL)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "source", secrets, "inside", secrets, "target",
                                              DRIVER_SECRETS, "writable", false));
    return 0;
}

static int add_ports(json_t *plan, const struct aq_container_options *options,
                     const struct aq_container_settings *settings, struct aq_error *error)
{
    json_t *list = json_array();
    json_object_set_new(plan, "ports", list);
    if (options->ports.count > 0 && options->network != AQ_NETWORK_BRIDGE)
        return aq_fail(error, AQ_E_INVALID, "option \"ports\" needs the network bridge, but \"network\" is %s",
                       aq_container_network_words.words[options->network]);
    for (uint32_t i = 0; i < options->ports.count; i++) {
        struct aq_container_port port;
        if (aq_container_port_parse(&port, AQ_TEXT_ITEM(options->ports, i), error) != 0)
            return -1;
        if (!aq_container_port_is_allowed(settings, port.outside))
            return aq_fail(
                error, AQ_E_FORBIDDEN,
                "refused by the node: port %u of it may not lead to containers (container.ports of its agent)",
                port.outside);
        json_array_append_new(list, json_pack("{s:i, s:i, s:b}", "outside", (int)port.outside, "inside",
                                              (int)port.inside, "udp", port.udp));
    }
    return 0;
}

static json_t *settings_of(const struct aq_container_settings *settings)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:I, s:o}", "proxy", settings->proxy,
                     "network", settings->network, "images", settings->images, "size", (json_int_t)settings->size,
                     "age", (json_int_t)settings->age, "image_size", (json_int_t)settings->image_size, "image_files",
                     (json_int_t)settings->image_files, "pull_time", (json_int_t)settings->pull_time, "call_time",
                     (json_int_t)settings->call_time, "credentials", settings->credentials, "certificates",
                     settings->certificates, "runtime", settings->runtime, "first_user",
                     (json_int_t)settings->first_user, "plain", texts_of(&settings->plain));
}

/* AQ_METADATA_URL: where it gets its metadata, without a user's name or token. */
static void add_metadata_url(json_t *list, const struct driver_settings *settings)
{
    struct aq_container_subnet subnet;
    struct aq_error ignored;
    char gateway[NETWORK_ADDRESS_SIZE], port[8] = "";
    if (aq_container_subnet_parse(&subnet, settings->container->network, &ignored) != 0)
        return;
    network_gateway(&subnet, gateway);
    if (settings->metadata_port != HTTP_PORT)
        snprintf(port, sizeof port, ":%u", settings->metadata_port);
    json_array_append_new(list, json_sprintf("AQ_METADATA_URL=http://%s%s" AQ_METADATA_PATH, gateway, port));
}

static void add_environment(json_t *plan, const struct driver_spec *spec, const struct aq_container_options *options,
                            const struct driver_settings *settings)
{
    AQ_CLEANUP_BUFFER struct aq_buffer texts = {0};
    json_t *list = json_array();
    const char *at = NULL;
    uint32_t count = kept_variables(&texts, spec, &options->environment, NULL);
    if (options->network == AQ_NETWORK_BRIDGE && settings->metadata_port != 0)
        add_metadata_url(list, settings);
    for (at = texts.data; count > 0; count--, at += strlen(at) + 1)
        json_array_append_new(list, json_string_nocheck(at));
    json_object_set_new(plan, "environment", list);
}

/* It goes to a memory file, and from there to the program that gets the image. */
static void add_login(json_t *plan, const struct aq_list *secrets)
{
    const char *username = aq_secret_value(secrets, "registry.username"),
               *password = aq_secret_value(secrets, "registry.password");
    if (username != NULL && password != NULL)
        json_object_set_new(plan, "login", json_pack("{s:s, s:s}", "username", username, "password", password));
}

static int plan_make(json_t *plan, const struct driver_spec *spec, const struct aq_allowance *allowance,
                     const struct driver_settings *settings, struct aq_error *error)
{
    const struct aq_container_options *options = spec->options;
    struct aq_image image;
    if (aq_image_parse(&image, options->image, error) != 0)
        return -1;
    if (image.local && image.name[0] == '/' && aq_allow_directory(&allowance->told, image.name) == NULL)
        return refuse_directory("the image", image.name, error);
    if (options->network == AQ_NETWORK_HOST && !settings->container->host_network)
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "refused by the node: containers may not share its network "
                       "(container.host_network of its agent)");
    json_object_set_new(plan, "image", json_string_nocheck(options->image));
    json_object_set_new(plan, "directory", json_string_nocheck(options->directory));
    json_object_set_new(plan, "user", json_string_nocheck(options->user));
    json_object_set_new(plan, "hostname", json_string_nocheck(options->hostname));
    json_object_set_new(plan, "network", json_integer(options->network));
    json_object_set_new(plan, "pull", json_integer(options->pull));
    json_object_set_new(plan, "disk_mib", json_integer((json_int_t)spec->disk_mib));
    json_object_set_new(plan, "read_only", json_boolean(options->read_only));
    json_object_set_new(plan, "settings", settings_of(settings->container));
    const struct aq_list *command = spec->arguments.count > 0 ? &spec->arguments : &options->command;
    if (command->count > 0)
        json_object_set_new(plan, "command", texts_of(command));
    if (options->entrypoint.items != NULL)
        json_object_set_new(plan, "entrypoint", texts_of(&options->entrypoint));
    add_login(plan, &spec->secret_values);
    add_environment(plan, spec, options, settings);
    if (add_mounts(plan, &options->mounts, spec->secrets, allowance, error) != 0 ||
        add_ports(plan, options, settings->container, error) != 0)
        return -1;
    return 0;
}

static void text_add(struct aq_buffer *texts, const char *text)
{
    aq_buffer_add(texts, text, strlen(text) + 1);
}

int container_plan_encode(const struct driver_spec *spec, const char *node, const struct aq_allowance *allowance,
                          const struct driver_settings *settings, struct aq_error *error)
{
    const struct aq_container_options *options = spec->options;
    AQ_CLEANUP_BUFFER struct aq_buffer texts = {0};
    AQ_CLEANUP_JSON json_t *plan = json_object();
    if (plan_make(plan, spec, allowance, settings, error) != 0)
        return -1;
    struct container_job job = {.common = KEEPER_JOB(CONTAINER_KIND_NAME, spec, options),
                                .first_user = settings->container->first_user,
                                .call_time = settings->container->call_time,
                                .ports = options->ports.count > 0,
                                .slot = CONTAINER_NO_SLOT};
    if (spec->disk_mib == 0)
        keeper_job_bound(&job.common, "upper", allowance->disk_mib, allowance->files);
    AQ_CLEANUP_MEMORY char *json = json_dumps(plan, JSON_COMPACT);
    if (json == NULL)
        return aq_fail(error, AQ_E_INVALID, "an option of the container is not valid UTF-8");
    text_add(&texts, node);
    text_add(&texts, spec->directory);
    text_add(&texts, spec->lease_file != NULL ? spec->lease_file : "");
    text_add(&texts, json);
    const struct iovec parts[] = {{&job, sizeof job}, {texts.data, texts.length}};
    return keeper_job_file(parts, AQ_LENGTH(parts), error);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

struct keeper_job *container_plan_map(int fd)
{
    struct container_job *job = (struct container_job *)keeper_job_map(fd, sizeof *job);
    if (job == NULL)
        return NULL;
    const char *end = (char *)job + job->common.mapped;
    char *at = (char *)(job + 1);
    job->common.node = keeper_job_text(&at, end);
    job->common.directory = keeper_job_text(&at, end);
    job->common.lease = keeper_job_text(&at, end);
    job->plan = keeper_job_text(&at, end);
    if (job->plan != NULL)
        return &job->common;
    keeper_job_unmap(&job->common);
    return NULL;
}

static uint64_t number_of(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void read_settings(struct container_plan *plan, const json_t *json)
{
    struct aq_container_settings *settings = &plan->settings;
    json_t *plain = json_object_get(json, "plain");
    *settings = (struct aq_container_settings){.images = text_of(json, "images"),
                                               .size = number_of(json, "size"),
                                               .age = number_of(json, "age"),
                                               .image_size = number_of(json, "image_size"),
                                               .image_files = number_of(json, "image_files"),
                                               .pull_time = number_of(json, "pull_time"),
                                               .call_time = number_of(json, "call_time"),
                                               .credentials = text_of(json, "credentials"),
                                               .certificates = text_of(json, "certificates"),
                                               .runtime = text_of(json, "runtime"),
                                               .network = text_of(json, "network"),
                                               .proxy = text_of(json, "proxy"),
                                               .first_user = number_of(json, "first_user"),
                                               .plain = {plan->plain, 0}};
    while (settings->plain.count < json_array_size(plain) && settings->plain.count < AQ_LENGTH(plan->plain)) {
        plan->plain[settings->plain.count] = json_string_value(json_array_get(plain, settings->plain.count));
        settings->plain.count++;
    }
}

int container_plan_read(const struct container_job *job, struct container_plan *plan, struct aq_error *error)
{
    json_t *json = aq_json_parse(job->plan, strlen(job->plan), error);
    *plan = (struct container_plan){.json = json};
    if (json == NULL)
        return -1;
    plan->image = text_of(json, "image");
    plan->entrypoint = json_object_get(json, "entrypoint");
    plan->command = json_object_get(json, "command");
    plan->environment = json_object_get(json, "environment");
    plan->directory = text_of(json, "directory");
    plan->user = text_of(json, "user");
    plan->hostname = text_of(json, "hostname");
    plan->mounts = json_object_get(json, "mounts");
    plan->ports = json_object_get(json, "ports");
    plan->network = (enum aq_container_network)number_of(json, "network");
    plan->pull = (enum aq_container_pull)number_of(json, "pull");
    plan->disk_mib = number_of(json, "disk_mib");
    plan->read_only = json_is_true(json_object_get(json, "read_only"));
    read_settings(plan, json_object_get(json, "settings"));
    plan->login = json_object_get(json, "login");
    return 0;
}

void container_plan_free(struct container_plan *plan)
{
    json_decref(plan->json);
    *plan = (struct container_plan){0};
}
