/* aq-controller: reads the options, starts the parts in the order of their dependencies, and waits for a signal. */
#include "controller/auth/credentials.h"
#include "controller/hub/loop.h"
#include "controller/hub_identity.h"
#include "controller/keyring_tool.h"
#include "controller/lmdb/guard.h"
#include "controller/log/replay.h"
#include "controller/log/salvage.h"
#include "controller/project/project.h"
#include "controller/react/loop.h"
#include "controller/secrets/door.h"
#include "controller/serve/serve.h"
#include "controller/settings/settings.h"
#include "controller/setup.h"
#include "controller/tables.h"
#include "controller/tls/authority.h"
#include "controller/tls/presented.h"
#include "controller/usage/usage.h"
#include "controller/write/writer.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/base/notify.h"
#include "schema/codec/config.h"
#include "schema/codec/reload.h"
#include "schema/wire/messages.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <jansson.h>
#include <lmdb.h>
#include <malloc.h>
#include <microhttpd.h>
#include <msgpack.h>
#include <raft.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <yaml.h>

enum { CERTIFICATE_CHECK_S = 3600 };

struct controller {
    const struct aq_arguments *arguments;
    struct aq_config_controller config;
    struct aq_arena arena;  /* holds the configuration */
    struct aq_arena reread; /* and this one its live texts, once they were read again */
    bool rebuild, check;
    struct keyring_job keyring_job;
    const char *salvage; /* directory for the salvaged log; NULL: --salvage was not given */
    int lock;
    struct authority *authority;
    struct presented *presented;
    struct issuer issuer;
    struct keyring *keyring;
    struct door *door;
    struct log_store *store;
    struct state *state;
    struct live *live;
    struct usage *usage;
    struct credentials *credentials;
    struct writer_loop *loop;
    struct hub_loop *hub;
    struct serve *serve;
    struct react_loop *react;
};

static int verify(void *context, struct aq_buffer *report, struct aq_error *error)
{
    struct controller *controller = context;
    return replay_verify(controller->store, controller->state, controller->config.data,
                         controller->config.state.map_size << 20, report, error);
}

static int open_writer(struct controller *controller, struct aq_error *error)
{
    struct state_txn *txn;
    struct writer_options options = {.config = &controller->config,
                                     .store = controller->store,
                                     .state = controller->state,
                                     .index = place_index_new()};
    if (state_read(controller->state, &txn, error) != 0) {
        place_index_free(options.index);
        return -1;
    }
    project_fill_index(txn, options.index);
    state_end(txn);
    if (writer_loop_open(&controller->loop, &options, error) != 0)
        return -1;
    controller->door = door_open(controller->keyring, writer_loop_writer(controller->loop), controller->state);
    return 0;
}

static int open_parts(struct controller *controller, struct aq_error *error)
{
    const struct aq_config_controller *config = &controller->config;
    if (setup_directory(config->data, &controller->lock, error) != 0 ||
        log_store_open(&controller->store, config->data, config->log.map_size << 20, error) != 0 ||
        tables_open(&controller->state, config, controller->store, controller->rebuild, error) != 0)
        return -1;
    return 0;
}

/* None is needed, and none is made, if nothing listens with TLS. */
static int open_certificate(struct controller *controller, uint64_t now_ms, struct aq_error *error)
{
    const struct aq_config_controller *config = &controller->config;
    if (config->api.tls.address[0] == '\0')
        return 0;
    return presented_open(&controller->presented, controller->authority, config->data, &config->api.tls, now_ms, error);
}

static int start_hub(struct controller *controller, struct aq_error *error)
{
    const struct aq_config_controller *config = &controller->config;
    struct hub_options hub = {.config = config,
                              .state = controller->state,
                              .live = controller->live,
                              .usage = controller->usage,
                              .issuer = &controller->issuer,
                              .door = controller->door};
    controller->issuer.fingerprint = authority_fingerprint(controller->authority);
    int failed = hub_identity_open(&hub.identity, config->data, controller->authority, error) != 0 ||
                 hub_loop_start(&controller->hub, &hub, controller->loop, error) != 0;
    sodium_memzero(&hub.identity, sizeof hub.identity);
    return failed ? -1 : 0;
}

static int start_parts(struct controller *controller, struct aq_error *error)
{
    const struct aq_config_controller *config = &controller->config;
    uint64_t now_ms = aq_clock_wall_ms();
    controller->usage = usage_open();
    if (authority_open(&controller->authority, config->data, now_ms, error) != 0 ||
        open_certificate(controller, now_ms, error) != 0 ||
        live_open(&controller->live, config->data, STATE_WRITE, error) != 0 ||
        credentials_open(&controller->credentials, controller->state, controller->live, 1, error) != 0 ||
        keyring_open(&controller->keyring, config->data, error) != 0 || open_writer(controller, error) != 0)
        return -1;
    if (start_hub(controller, error) != 0)
        return -1;
    struct serve_options serve = {.config = config,
                                  .loop = controller->loop,
                                  .state = controller->state,
                                  .live = controller->live,
                                  .usage = controller->usage,
                                  .credentials = controller->credentials,
                                  .issuer = &controller->issuer,
                                  .door = controller->door,
                                  .hub = hub_loop_hub(controller->hub),
                                  .presented = controller->presented,
                                  .verify = verify,
                                  .verify_context = controller};
    const struct react_options react = {.state = controller->state,
                                        .keep = &config->keep.finished,
                                        .door = controller->door,
                                        .secrets = &config->secrets};
    if (serve_start(&controller->serve, &serve, error) != 0 ||
        react_loop_start(&controller->react, controller->loop, &react, error) != 0 ||
        writer_loop_start(controller->loop, error) != 0)
        return -1;
    if (setup_admin(writer_loop_writer(controller->loop), controller->state, config->data, error) != 0)
        return -1;
    serve_ready(controller->serve);
    return 0;
}

/* Stops the parts in the opposite order. Those that were not started are NULL. */
static int stop_parts(struct controller *controller, struct aq_error *error)
{
    int status = 0;
    react_loop_stop(controller->react);
    serve_stop(controller->serve);
    hub_loop_stop(controller->hub);
    credentials_close(controller->credentials);
    writer_loop_close(controller->loop);
    door_close(controller->door);
    keyring_close(controller->keyring);
    live_close(controller->live);
    usage_close(controller->usage);
    if (controller->state != NULL)
        status = tables_close(controller->state, error);
    log_store_close(controller->store);
    presented_close(controller->presented);
    authority_close(controller->authority);
    if (controller->lock >= 0)
        close(controller->lock);
    return status;
}

static int read_settings(const struct aq_arguments *arguments, struct aq_config_controller *config,
                         struct aq_arena *arena, struct aq_error *error)
{
    if (aq_config_read(&aq_config_controller_record, config, arguments, arena, error) != 0)
        return -1;
    return setup_check(config->data, error) == 0 && hub_loop_check(config, error) == 0 ? serve_check(config, error)
                                                                                       : -1;
}

static void refresh_certificate(struct controller *controller)
{
    struct aq_error error = {0};
    if (controller->presented != NULL &&
        presented_refresh(controller->presented, &controller->config.api.tls, aq_clock_wall_ms(), &error) != 0)
        aq_journal(AQ_ERROR, "cannot take over a certificate: keeping the previous one", "error", error.message, NULL);
}

/* Other threads read the live settings meanwhile: see AQ_SETTING(). Live texts are for this thread alone. */
static void reread_settings(struct controller *controller)
{
    struct aq_arena arena = {0};
    struct aq_config_controller fresh;
    struct aq_error error = {0};
    if (read_settings(controller->arguments, &fresh, &arena, &error) != 0) {
        aq_journal(AQ_ERROR, "the settings are wrong: keeping the previous ones", "error", error.message, NULL);
        aq_arena_free(&arena);
        return;
    }
    aq_config_reload(&aq_config_controller_record, &controller->config, &fresh);
    aq_arena_free(&controller->reread);
    controller->reread = arena;
    aq_journal_set_level((enum aq_journal_level)controller->config.journal);
    refresh_certificate(controller);
}

/* Returns the signal that ends the controller. */
static int wait_for_end(struct controller *controller, const sigset_t *signals)
{
    const struct timespec pause = {.tv_sec = CERTIFICATE_CHECK_S};
    for (;;) {
        int number = sigtimedwait(signals, NULL, &pause);
        if (number == SIGHUP)
            reread_settings(controller);
        else if (number > 0)
            return number;
        else if (errno == EAGAIN)
            refresh_certificate(controller);
    }
}

static int serve_until_signal(struct controller *controller)
{
    sigset_t signals;
    struct aq_error error = {0};
    int status = 0;
    aq_program_block_signals(&signals);
    if (open_parts(controller, &error) != 0 || start_parts(controller, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot start", "error", error.message, NULL);
        status = 1;
    } else {
        aq_notify("READY=1");
        aq_journal(AQ_INFO, "ready", "data", controller->config.data, NULL);
        int number = wait_for_end(controller, &signals);
        aq_notify("STOPPING=1");
        aq_journal(AQ_INFO, "stopping", "signal", strsignal(number), NULL);
    }
    if (stop_parts(controller, &error) != 0) {
        aq_journal(AQ_ERROR, "cannot close the tables", "error", error.message, NULL);
        status = 1;
    }
    return status;
}

/* Prints what a check or a salvage has found; returns the exit status. */
static int print_report(const struct aq_buffer *report, int status, const struct aq_error *error)
{
    fputs(aq_buffer_string(report), stdout);
    if (status != 0)
        fprintf(stderr, "aq-controller: %s\n", error->message);
    return status == 0 ? 0 : 1;
}

/* Opening would make an empty log in a directory whose name is mistyped, and nothing is wrong with that one. */
static int find_log(const char *data, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    aq_buffer_format(&path, "%s/log/data.mdb", data);
    if (access(aq_buffer_string(&path), F_OK) == 0)
        return 0;
    return aq_fail_errno(error, errno, "there is no log to check: %s", aq_buffer_string(&path));
}

static int check_tables(struct controller *controller)
{
    struct aq_error error = {0}, closing = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer report = {0};
    int status = find_log(controller->config.data, &error);
    if (status == 0)
        status = open_parts(controller, &error);
    if (status == 0)
        status = verify(controller, &report, &error);
    (void)stop_parts(controller, &closing);
    return print_report(&report, status, &error);
}

/* Writes nothing into the data directory except for the lock file. */
static int salvage_log(const struct controller *controller)
{
    const struct aq_config_controller *config = &controller->config;
    struct aq_error error = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer report = {0};
    AQ_CLEANUP_FD int lock = -1;
    int status = setup_lock(config->data, &lock, &error);
    if (status == 0)
        status = salvage(config->data, controller->salvage, config->log.map_size << 20, &report, &error);
    return print_report(&report, status, &error);
}

static int copy_keyring(const struct controller *controller)
{
    struct aq_error error = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer report = {0};
    int status = keyring_tool(&controller->config, &controller->keyring_job, &report, &error);
    return print_report(&report, status, &error);
}

/* ---- options ------------------------------------------------------------------------------------------ */

/* For --version: the libraries, which aq doctor shows. libraft cannot tell its version at run time, so it is the
 * version at build time. */
static void add_libraries(struct aq_buffer *text)
{
    int major, minor, patch;
    mdb_version(&major, &minor, &patch);
    aq_buffer_format(text, "libraft %d.%d.%d\nLMDB %d.%d.%d\n", RAFT_VERSION_MAJOR, RAFT_VERSION_MINOR,
                     RAFT_VERSION_RELEASE, major, minor, patch);
    aq_buffer_format(text, "libmicrohttpd %s\nGnuTLS %s\nlibsodium %s\njansson %s\nmsgpack %s\nlibyaml %s\n",
                     MHD_get_version(), gnutls_check_version(NULL), sodium_version_string(), jansson_version_str(),
                     msgpack_version(), yaml_get_version_string());
}

/* Returns -1 to continue, otherwise the exit status. */
static int read_options(struct controller *controller, const struct aq_arguments *arguments)
{
    struct aq_error error = {0};
    controller->arguments = arguments;
    controller->rebuild = aq_arguments_own(arguments, "rebuild") != NULL;
    controller->check = aq_arguments_own(arguments, "check") != NULL;
    controller->salvage = aq_arguments_own(arguments, "salvage");
    controller->keyring_job = (struct keyring_job){.save = aq_arguments_own(arguments, "keyring-save"),
                                                   .load = aq_arguments_own(arguments, "keyring-load"),
                                                   .passphrase = aq_arguments_own(arguments, "passphrase")};
    if (read_settings(arguments, &controller->config, &controller->arena, &error) == 0)
        return -1;
    fprintf(stderr, "aq-controller: %s\n", error.message);
    return AQ_EXIT_USAGE;
}

/* Allows as many descriptors as the system does, for each connection takes one. And fixes the threshold of malloc(3)
 * for returning memory to the system, which glibc would otherwise raise after many clients have used much memory. */
static void set_limits(void)
{
    enum { RETURNED_SIZE = 128 << 10 };
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0)
            aq_journal(AQ_WARN, "cannot raise the limit of open files", "error", strerror(errno), NULL);
    }
    mallopt(M_MMAP_THRESHOLD, RETURNED_SIZE);
    mallopt(M_TRIM_THRESHOLD, RETURNED_SIZE);
}

int main(int argc, char **argv)
{
    struct controller controller = {.lock = -1};
    struct aq_arguments arguments;
    aq_program_begin();
    aq_journal_open("controller", AQ_INFO);
    int status = aq_program_read(&aq_controller_program, argc, argv, add_libraries, &arguments);
    if (status < 0)
        status = read_options(&controller, &arguments);
    if (status < 0) {
        aq_journal_open("controller", (enum aq_journal_level)controller.config.journal);
        if (sodium_init() < 0)
            aq_broken(__FILE__, __LINE__, "libsodium cannot be initialized");
        set_limits();
        lmdb_guard_signals("aq-controller");
        const struct keyring_job *job = &controller.keyring_job;
        status = job->save || job->load ? copy_keyring(&controller)
                 : controller.salvage   ? salvage_log(&controller)
                 : controller.check     ? check_tables(&controller)
                                        : serve_until_signal(&controller);
    }
    aq_arguments_free(&arguments);
    aq_arena_free(&controller.arena);
    aq_arena_free(&controller.reread);
    return status;
}
