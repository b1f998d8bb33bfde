#include "tests/sim/followers.h"

#include "schema/model/application.h"
#include "schema/model/resource.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_MAX = 40000 };

static const char whole[] = "a stream of events equals the log";

static bool wants(const struct follower *follower, const struct mirror_event *event)
{
    return follower->entity == NULL || follower->entity == event->entity;
}

/* The next event that it must see, from the one after `seq` on. */
static uint64_t next_wanted(const struct followers *followers, const struct follower *follower, uint64_t seq)
{
    const struct mirror *mirror = &followers->judge->mirror;
    do
        seq++;
    while (seq <= mirror->n_events && !wants(follower, &mirror->events[seq - 1]));
    return seq;
}

/* ---- what comes ----------------------------------------------------------------------------------------- */

static void see_event(struct followers *followers, struct follower *follower, uint64_t seq, const char *text)
{
    const struct mirror *mirror = &followers->judge->mirror;
    uint64_t wanted = next_wanted(followers, follower, follower->seen);
    if (seq != wanted)
        sim_broken(followers->sim, whole, "%" PRIu64 " comes, where %" PRIu64 " is next", seq, wanted);
    if (seq > mirror->n_events || strcmp(text, mirror->events[seq - 1].text) != 0)
        sim_broken(followers->sim, whole, "%" PRIu64 " is %.200s", seq, text);
    follower->seen = seq;
    followers->sim->result->totals.followed++;
}

/* Bits have turned in the log since it connected. The operator hears of it in the journal, and puts back what was
 * there, if that has not been done. */
static bool was_damaged(struct followers *followers, const struct follower *follower)
{
    struct disk *disk = followers->disk;
    struct sim_totals *totals = &followers->sim->result->totals;
    if (disk->damage[0] == '\0')
        return totals->restored != follower->restored;
    sim_say(followers->sim, "operator: restores the log: %s", disk->damage);
    totals->restored++;
    disk_restore(disk);
    return true;
}

/* One message of server-sent events, without the empty line at its end. */
static void see_message(struct followers *followers, struct follower *follower, char *message)
{
    char *data = strstr(message, "\ndata: ");
    uint64_t seq;
    if (message[0] == ':' || strncmp(message, "retry: ", 7) == 0)
        return;
    if (strcmp(message, "event: failed\ndata: {\"error\":\"corrupt\"}") == 0 && was_damaged(followers, follower)) {
        follower->failed = true;
        return;
    }
    if (data == NULL || sscanf(message, "id: %" SCNu64, &seq) != 1)
        sim_broken(followers->sim, whole, "instead of an event comes %.200s", message);
    see_event(followers, follower, seq, data + strlen("\ndata: "));
}

static void see_text(struct followers *followers, struct follower *follower)
{
    char *begin = (char *)aq_buffer_string(&follower->text), *end;
    while ((end = strstr(begin, "\n\n")) != NULL) {
        *end = '\0';
        see_message(followers, follower, begin);
        begin = end + 2;
    }
    size_t left = strlen(begin);
    memmove(follower->text.data, begin, left);
    follower->text.length = left;
}

/* ---- connections ---------------------------------------------------------------------------------------- */

static void disconnect(struct follower *follower)
{
    if (follower->connection != NULL)
        front_end(follower->connection);
    follower->connection = NULL;
    aq_buffer_reset(&follower->text);
}

static void refused(struct followers *followers, struct follower *follower, unsigned status)
{
    const char *body = aq_buffer_string(&follower->connection->request.out);
    sim_say(followers->sim, "stream: refused with %u: %.200s", status, body);
    if (status != 401 && status != 403 && status != 503)
        sim_broken(followers->sim, "who follows events can come back", "%u: %.200s", status, body);
    disconnect(follower);
}

/* `follow`: it stays connected at the end of the log. */
static void connect_to(struct followers *followers, struct follower *follower, struct front *front, bool follow,
                       const struct front_caller *caller, const struct aq_clocks *now)
{
    char uri[200], last[24];
    bool by_header = sim_happens(followers->sim, 50);
    snprintf(last, sizeof last, "%" PRIu64, follower->seen);
    int length = snprintf(uri, sizeof uri, "/api/v1/events?follow=%s", follow ? "true" : "false");
    if (!by_header)
        length += snprintf(uri + length, sizeof uri - (size_t)length, "&since=%s", last);
    if (follower->entity != NULL)
        snprintf(uri + length, sizeof uri - (size_t)length, "&entity=%s", follower->entity->name);
    sim_say(followers->sim, "stream: %s after %s", uri, last);
    follower->connection = front_get(front, caller, uri, by_header ? last : NULL, now);
    follower->failed = false;
    follower->restored = followers->sim->result->totals.restored;
    follower->until = follow ? UINT64_MAX : writer_seq(front->backend.writer);
    unsigned status = follower->connection->request.status;
    if (status != 200)
        refused(followers, follower, status);
}

/* The server has ended the stream. */
static void ended(struct followers *followers, struct follower *follower)
{
    uint64_t next = next_wanted(followers, follower, follower->seen);
    if (follower->failed) {
        disconnect(follower);
        return;
    }
    if (follower->until == UINT64_MAX)
        sim_broken(followers->sim, whole, "it ends after %" PRIu64, follower->seen);
    if (next <= follower->until)
        sim_broken(followers->sim, whole, "it ends before %" PRIu64 ", but has to go to %" PRIu64, next,
                   follower->until);
    follower->seen = follower->until > follower->seen ? follower->until : follower->seen;
    disconnect(follower);
}

/* Reads a piece. False: nothing comes at present, or the stream has ended. */
static bool read_piece(struct followers *followers, struct follower *follower, const struct aq_clocks *now)
{
    struct request *request = &follower->connection->request;
    size_t most = 1 + sim_draw(followers->sim, PIECE_MAX);
    aq_buffer_room(&follower->text, most);
    request->now = *now;
    ssize_t length = request->source.read(request->source.context, follower->text.data + follower->text.length, most);
    if (length == SOURCE_END) {
        ended(followers, follower);
        return false;
    }
    follower->text.length += (size_t)length;
    follower->text.data[follower->text.length] = '\0';
    see_text(followers, follower);
    return length > 0;
}

void followers_act(struct followers *followers, struct front *front, const struct front_caller *caller,
                   const struct aq_clocks *now)
{
    struct sim *sim = followers->sim;
    struct follower *follower = &followers->all[sim_draw(sim, FOLLOWERS)];
    if (follower->connection == NULL) {
        connect_to(followers, follower, front, sim_happens(sim, 80), caller, now);
        return;
    }
    if (sim_happens(sim, 5)) {
        disconnect(follower);
        return;
    }
    for (uint64_t pieces = sim_between(sim, 1, 4); pieces > 0 && read_piece(followers, follower, now); pieces--)
        ;
}

void followers_finish(struct followers *followers, struct front *front, const struct front_caller *caller,
                      const struct aq_clocks *now)
{
    for (size_t i = 0; i < FOLLOWERS; i++) {
        struct follower *follower = &followers->all[i];
        do {
            disconnect(follower);
            connect_to(followers, follower, front, false, caller, now);
            while (follower->connection != NULL && read_piece(followers, follower, now))
                ;
        } while (follower->failed);
        if (next_wanted(followers, follower, follower->seen) <= followers->judge->seq)
            sim_broken(followers->sim, whole, "at the end it has seen %" PRIu64 " of %" PRIu64, follower->seen,
                       followers->judge->seq);
    }
}

void followers_lose(struct followers *followers)
{
    for (size_t i = 0; i < FOLLOWERS; i++) {
        followers->all[i].connection = NULL;
        aq_buffer_reset(&followers->all[i].text);
    }
}

void followers_open(struct followers *followers, struct judge *judge, struct disk *disk)
{
    *followers = (struct followers){.sim = judge->sim, .judge = judge, .disk = disk};
    followers->all[1].entity = &aq_entity_application;
    followers->all[2].entity = &aq_entity_resource;
}

void followers_free(struct followers *followers)
{
    for (size_t i = 0; i < FOLLOWERS; i++)
        aq_buffer_free(&followers->all[i].text);
}
