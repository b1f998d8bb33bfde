#include "drivers/container/network_watch.h"

#include "drivers/container/network.h"
#include "drivers/keeper/execute_self.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REST_MS = 200,         /* between two looks, however often the host's rules change */
    LOOK_AGAIN_MS = 10000, /* after a failure; and where no change is told */
    JOB_SIZE = 96,
    HELPER_FDS = 3
};

static const char helper_name[] = "aq-network-rules";

/* ---- in the helper -------------------------------------------------------------------------------------- */

/* Its standard input is a file with what it must know; what comes of it is written over that. */
static _Noreturn void helper_run(void)
{
    char text[JOB_SIZE] = "", network[JOB_SIZE];
    struct aq_error error = {0};
    struct aq_container_settings settings = {.network = network};
    ssize_t length = pread(STDIN_FILENO, text, sizeof text - 1, 0);
    if (length <= 0 ||
        sscanf(text, "%95s %" SCNu64 " %" SCNu64, network, &settings.call_time, &settings.first_user) != 3)
        _exit(1);
    int failed = network_prepare(&settings, &error);
    if (ftruncate(STDIN_FILENO, 0) != 0 || pwrite(STDIN_FILENO, error.message, strlen(error.message), 0) < 0)
        _exit(1);
    _exit(failed != 0);
}

__attribute__((constructor)) static void helper_enter(int argc, char **argv)
{
    if (argc != 1 || strcmp(argv[0], helper_name) != 0)
        return;
    aq_program_begin();
    helper_run();
}

/* ---- in the agent --------------------------------------------------------------------------------------- */

struct network_watch {
    int epoll;
    int changes;      /* socket: the kernel tells changes of rules; -1: it does not */
    int helper, job;  /* pidfd, and the file that it was given; -1: none runs */
    bool armed;       /* `changes` wakes the agent: not while a look is to come anyway */
    bool look;        /* something may have changed */
    bool told;        /* the last failure is in the journal */
    uint64_t look_ms; /* no look before; without `changes`, one then */
};

static void watch_fd(const struct network_watch *watch, int operation, int fd, bool on)
{
    struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.u64 = 0};
    int failed = epoll_ctl(watch->epoll, operation, fd, &event);
    (void)failed; /* then the next look is made by the clock */
}

static int changes_open(void)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    const int group = NFNLGRP_NFTABLES;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0)
        return fd;
    close(fd);
    return -1;
}

struct network_watch *network_watch_new(int epoll)
{
    struct network_watch *watch = aq_calloc(1, sizeof *watch);
    *watch = (struct network_watch){
        .epoll = epoll, .changes = changes_open(), .helper = -1, .job = -1, .look = true, .armed = true};
    if (watch->changes >= 0)
        watch_fd(watch, EPOLL_CTL_ADD, watch->changes, true);
    return watch;
}

static void helper_drop(struct network_watch *watch)
{
    if (watch->helper >= 0)
        close(watch->helper);
    if (watch->job >= 0)
        close(watch->job);
    watch->helper = watch->job = -1;
}

void network_watch_free(struct network_watch *watch)
{
    if (watch == NULL)
        return;
    helper_drop(watch);
    if (watch->changes >= 0)
        close(watch->changes);
    free(watch);
}

/* Some may have been lost: what counts is that there was one. */
static void take_changes(struct network_watch *watch)
{
    char bytes[4096];
    ssize_t length;
    while (watch->changes >= 0 && ((length = recv(watch->changes, bytes, sizeof bytes, MSG_DONTWAIT)) > 0 ||
                                   (length < 0 && (errno == ENOBUFS || errno == EINTR))))
        watch->look = true;
}

/* ---- putting them back ---------------------------------------------------------------------------------- */

static void failed(struct network_watch *watch, const char *reason, uint64_t now_ms)
{
    if (!watch->told)
        aq_journal(AQ_WARN, "the rules of the containers' network were removed, and cannot be put back", "driver",
                   "container", "reason", reason, NULL);
    watch->told = watch->look = true;
    watch->look_ms = now_ms + LOOK_AGAIN_MS;
}

static void helper_start(struct network_watch *watch, const struct aq_container_settings *settings, uint64_t now_ms)
{
    char text[JOB_SIZE];
    pid_t pid;
    int number = 0, length = snprintf(text, sizeof text, "%s %" PRIu64 " %" PRIu64 "\n", settings->network,
                                      settings->call_time, settings->first_user);
    watch->job = memfd_create("aquarium-network", MFD_CLOEXEC);
    if (watch->job < 0 || aq_file_write_all(watch->job, text, (size_t)length) != 0 ||
        (number = execute_self(helper_name, false, (const int[]){watch->job, -1, -1}, HELPER_FDS, &pid)) != 0 ||
        (watch->helper = pidfd_open(pid, 0)) < 0) {
        failed(watch, strerror(number != 0 ? number : errno), now_ms);
        helper_drop(watch);
        return;
    }
    watch_fd(watch, EPOLL_CTL_ADD, watch->helper, true);
}

/* Returns whether one still runs. */
static bool helper_runs(struct network_watch *watch, uint64_t now_ms)
{
    struct pollfd end = {.fd = watch->helper, .events = POLLIN};
    char reason[512] = "";
    if (watch->helper < 0)
        return false;
    if (poll(&end, 1, 0) == 0)
        return true;
    /* Its exit status may have been taken by the agent's main loop. */
    ssize_t length = pread(watch->job, reason, sizeof reason - 1, 0);
    helper_drop(watch);
    if (length != 0 || network_rules_are_gone()) {
        failed(watch, reason, now_ms);
        return false;
    }
    aq_journal(AQ_INFO, "the rules of the containers' network were removed, and were put back", "driver", "container",
               NULL);
    watch->told = false;
    return false;
}

void network_watch_work(struct network_watch *watch, const struct aq_container_settings *settings, uint64_t now_ms)
{
    if (helper_runs(watch, now_ms) || settings->network == NULL)
        return;
    take_changes(watch); /* before the look, so that none is missed */
    watch->look = watch->look || (watch->changes < 0 && now_ms >= watch->look_ms);
    bool now = watch->look && now_ms >= watch->look_ms;
    if (watch->changes >= 0 && watch->armed != (now || !watch->look)) {
        watch->armed = now || !watch->look;
        watch_fd(watch, EPOLL_CTL_MOD, watch->changes, watch->armed);
    }
    if (!now)
        return;
    watch->look = false;
    watch->look_ms = now_ms + (watch->changes >= 0 ? REST_MS : LOOK_AGAIN_MS);
    if (network_rules_are_gone())
        helper_start(watch, settings, now_ms);
}

uint64_t network_watch_deadline_ms(const struct network_watch *watch)
{
    return watch->helper < 0 && (watch->look || watch->changes < 0) ? watch->look_ms : UINT64_MAX;
}
