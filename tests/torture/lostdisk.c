#include "tests/torture/lostdisk.h"

#include "schema/base/compiler.h"
#include "schema/base/memory.h"
#include "tests/lib/chance.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 2 * RECORD_PATH_SIZE, OLD_BYTE = 0xA5 };

void lostdisk_open(struct lostdisk *disk, unsigned files)
{
    *disk = (struct lostdisk){.file_count = files};
    disk->files = aq_calloc(files + 1, sizeof *disk->files);
}

void lostdisk_close(struct lostdisk *disk)
{
    for (unsigned i = 0; i < disk->file_count; i++)
        free(disk->files[i].bytes);
    free(disk->files);
    free(disk->names.all);
    free(disk->changes);
    free(disk->parts);
    *disk = (struct lostdisk){0};
}

/* ---- names -------------------------------------------------------------------------------------------- */

static struct lostdisk_name *find_name(const struct lostdisk_names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->all[i].path, path) == 0)
            return &names->all[i];
    return NULL;
}

static void remove_name(struct lostdisk_names *names, const char *path)
{
    struct lostdisk_name *name = find_name(names, path);
    if (name != NULL)
        *name = names->all[--names->count];
}

static void change_name(struct lostdisk_names *names, const struct record_call *call)
{
    struct lostdisk_name *moved;
    switch (call->kind) {
    case RECORD_MOVE:
        if (find_name(names, call->path) == NULL) /* it was not made in time */
            break;
        remove_name(names, call->to);
        moved = find_name(names, call->path);
        memcpy(moved->path, call->to, sizeof moved->path);
        break;
    case RECORD_GONE:
        remove_name(names, call->path);
        break;
    default:
        remove_name(names, call->path);
        AQ_GROW(names->all, names->count, names->capacity);
        struct lostdisk_name *name = &names->all[names->count++];
        *name = (struct lostdisk_name){.kind = call->kind, .file = call->file};
        memcpy(name->path, call->path, sizeof name->path);
        memcpy(name->to, call->to, sizeof name->to);
    }
}

/* The length of the directory's path in that of a name. */
static size_t directory_length(const char *path)
{
    return (size_t)(strrchr(path, '/') - path);
}

/* The name that a change leaves. */
static const char *changed_path(const struct record_call *change)
{
    return change->kind == RECORD_MOVE ? change->to : change->path;
}

static bool is_in(const struct record_call *change, const char *directory)
{
    const char *path = changed_path(change);
    size_t length = directory_length(path);
    return strlen(directory) == length && memcmp(path, directory, length) == 0;
}

static bool are_beside(const struct record_call *change, const struct record_call *other)
{
    const char *path = changed_path(change), *beside = changed_path(other);
    size_t length = directory_length(path);
    return directory_length(beside) == length && memcmp(path, beside, length) == 0;
}

/* A name is found if the directories above it are. */
static bool is_found(const struct lostdisk_names *names, const char *path)
{
    char above[RECORD_PATH_SIZE];
    snprintf(above, sizeof above, "%s", path);
    for (size_t length; (length = directory_length(above)) > 0;) {
        above[length] = '\0';
        if (find_name(names, above) == NULL)
            return false;
    }
    return true;
}

static void sync_names(struct lostdisk *disk, const char *directory)
{
    size_t left = 0;
    for (size_t i = 0; i < disk->change_count; i++)
        if (is_in(disk->changes[i], directory))
            change_name(&disk->names, disk->changes[i]);
        else
            disk->changes[left++] = disk->changes[i];
    disk->change_count = left;
}

/* ---- contents ----------------------------------------------------------------------------------------- */

static void put_bytes(struct lostdisk_file *file, off_t offset, const unsigned char *bytes, size_t length)
{
    size_t end = (size_t)offset + length;
    if (end > file->capacity) {
        size_t capacity = end * 2;
        file->bytes = aq_realloc(file->bytes, capacity);
        memset(file->bytes + file->capacity, 0, capacity - file->capacity);
        file->capacity = capacity;
    }
    memcpy(file->bytes + offset, bytes, length);
    file->size = end > file->size ? end : file->size;
}

static void add_parts(struct lostdisk *disk, const struct record_call *write)
{
    off_t end = write->offset + (off_t)write->length;
    for (off_t at = write->offset, next; at < end; at = next) {
        next = (at / LOSTDISK_SECTOR + 1) * LOSTDISK_SECTOR;
        next = next < end ? next : end;
        AQ_GROW(disk->parts, disk->part_count, disk->part_capacity);
        disk->parts[disk->part_count++] = (struct lostdisk_part){write, at, (size_t)(next - at)};
    }
}

static void put_part(struct lostdisk_file *file, const struct lostdisk_part *part)
{
    put_bytes(file, part->offset, part->write->bytes + (part->offset - part->write->offset), part->length);
}

/* Makes certain what was written by the call, or to the file that it syncs. */
static void sync_parts(struct lostdisk *disk, const struct record_call *call)
{
    size_t left = 0;
    for (size_t i = 0; i < disk->part_count; i++) {
        const struct lostdisk_part *part = &disk->parts[i];
        if (part->write == call || (call->kind == RECORD_SYNC && part->write->file == call->file))
            put_part(&disk->files[call->file], part);
        else
            disk->parts[left++] = *part;
    }
    disk->part_count = left;
}

/* ---- calls -------------------------------------------------------------------------------------------- */

void lostdisk_begin(struct lostdisk *disk, const struct record_call *call)
{
    switch (call->kind) {
    case RECORD_WRITE:
        add_parts(disk, call);
        break;
    case RECORD_FILE:
    case RECORD_DIRECTORY:
    case RECORD_LINK:
    case RECORD_MOVE:
    case RECORD_GONE:
        AQ_GROW(disk->changes, disk->change_count, disk->change_capacity);
        disk->changes[disk->change_count++] = call;
        break;
    default:
        break;
    }
}

void lostdisk_end(struct lostdisk *disk, const struct record_call *call)
{
    if (call->kind == RECORD_SYNC || (call->kind == RECORD_WRITE && call->durable))
        sync_parts(disk, call);
    else if (call->kind == RECORD_NAMES)
        sync_names(disk, call->path);
    else if (call->kind == RECORD_MARK)
        disk->mark = call->mark;
}

/* ---- what arrives ------------------------------------------------------------------------------------- */

static bool begins_page(const struct lostdisk *disk, size_t i)
{
    const struct lostdisk_part *part = &disk->parts[i], *before = part - 1;
    return i == 0 || part->write != before->write || part->offset / LOSTDISK_PAGE != before->offset / LOSTDISK_PAGE;
}

size_t lostdisk_pages(const struct lostdisk *disk)
{
    size_t pages = 0;
    for (size_t i = 0; i < disk->part_count; i++)
        pages += begins_page(disk, i);
    return pages;
}

struct lostdisk_choice lostdisk_choose(const struct lostdisk *disk)
{
    struct lostdisk_choice choice = {aq_malloc(disk->part_count + 1), aq_malloc(disk->change_count + 1),
                                     LOSTDISK_SHORT};
    memset(choice.parts, 1, disk->part_count);
    memset(choice.changes, 1, disk->change_count);
    return choice;
}

void lostdisk_choice_free(struct lostdisk_choice *choice)
{
    free(choice->parts);
    free(choice->changes);
}

void lostdisk_choose_pages(const struct lostdisk *disk, struct lostdisk_choice *choice, uint64_t pages)
{
    unsigned page = 0;
    for (size_t i = 0; i < disk->part_count; i++) {
        page += i > 0 && begins_page(disk, i);
        choice->parts[i] = pages >> page & 1;
    }
}

/* In each directory, names change up to some point. */
static void draw_changes(const struct lostdisk *disk, struct lostdisk_choice *choice)
{
    bool all = draw(2) == 0;
    for (size_t i = 0; i < disk->change_count; i++) {
        bool stopped = false;
        for (size_t k = 0; k < i; k++)
            stopped |= !choice->changes[k] && are_beside(disk->changes[k], disk->changes[i]);
        choice->changes[i] = all || (!stopped && draw(4) > 0);
    }
}

void lostdisk_draw(const struct lostdisk *disk, struct lostdisk_choice *choice)
{
    enum { ALL, NONE, WRITES, PAGES, SECTORS, ALL_BUT_ONE, ONE, WAYS } way = (unsigned)draw(WAYS);
    size_t one = draw(disk->part_count + 1);
    unsigned of_eight = 1 + (unsigned)draw(7);
    bool arrives = false;
    for (size_t i = 0; i < disk->part_count; i++) {
        if (way == SECTORS || (way == PAGES && begins_page(disk, i)) ||
            (way == WRITES && (i == 0 || disk->parts[i].write != disk->parts[i - 1].write)))
            arrives = draw(8) < of_eight;
        choice->parts[i] = way == ALL || (way == ALL_BUT_ONE && i != one) || (way == ONE && i == one) || arrives;
    }
    choice->end = (unsigned)draw(3);
    draw_changes(disk, choice);
}

/* ---- an image ----------------------------------------------------------------------------------------- */

/* A file's contents. */
static struct lostdisk_file make_contents(const struct lostdisk *disk, const struct lostdisk_choice *choice,
                                          unsigned number)
{
    const struct lostdisk_file *certain = &disk->files[number];
    struct lostdisk_file file = {0};
    size_t end = certain->size;
    for (size_t i = 0; i < disk->part_count; i++) {
        const struct lostdisk_part *part = &disk->parts[i];
        bool counts = part->write->file == number && (choice->parts[i] || choice->end != LOSTDISK_SHORT);
        if (counts && (size_t)part->offset + part->length > end)
            end = (size_t)part->offset + part->length;
    }
    file.bytes = aq_malloc(end + 1);
    file.size = file.capacity = end;
    if (certain->size > 0)
        memcpy(file.bytes, certain->bytes, certain->size);
    memset(file.bytes + certain->size, choice->end == LOSTDISK_OLD ? OLD_BYTE : 0, end - certain->size);
    for (size_t i = 0; i < disk->part_count; i++)
        if (choice->parts[i] && disk->parts[i].write->file == number)
            put_part(&file, &disk->parts[i]);
    return file;
}

static struct lostdisk_names make_names(const struct lostdisk *disk, const struct lostdisk_choice *choice)
{
    struct lostdisk_names names = {.count = disk->names.count, .capacity = disk->names.count + 16};
    names.all = aq_malloc(names.capacity * sizeof *names.all);
    if (names.count > 0)
        memcpy(names.all, disk->names.all, names.count * sizeof *names.all);
    for (size_t i = 0; i < disk->change_count; i++)
        if (choice->changes[i])
            change_name(&names, disk->changes[i]);
    return names;
}

static void make_file(const char *path, const struct lostdisk_file *file)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    aq_assert(fd >= 0 && pwrite(fd, file->bytes, file->size, 0) == (ssize_t)file->size);
    close(fd);
}

static void make_name(const struct lostdisk *disk, const struct lostdisk_choice *choice,
                      const struct lostdisk_name *name, const char *path)
{
    if (name->kind == RECORD_LINK) {
        aq_assert(symlink(name->to, path) == 0);
    } else if (name->kind == RECORD_FILE) {
        struct lostdisk_file file = make_contents(disk, choice, name->file);
        make_file(path, &file);
        free(file.bytes);
    }
}

void lostdisk_make(const struct lostdisk *disk, const struct lostdisk_choice *choice, const char *directory)
{
    char path[PATH_SIZE];
    struct lostdisk_names names = make_names(disk, choice);
    aq_assert(mkdir(directory, 0700) == 0);
    for (size_t done = 0, length = 0; done < names.count; length++) /* directories before what is in them */
        for (size_t i = 0; i < names.count; i++) {
            const struct lostdisk_name *name = &names.all[i];
            if (strlen(name->path) != length)
                continue;
            done++;
            snprintf(path, sizeof path, "%s%s", directory, name->path);
            if (is_found(&names, name->path) && name->kind == RECORD_DIRECTORY)
                aq_assert(mkdir(path, 0700) == 0);
            else if (is_found(&names, name->path))
                make_name(disk, choice, name, path);
        }
    free(names.all);
}

static bool equals_file(const struct lostdisk_file *file, const char *path)
{
    bool equal = false;
    unsigned char *bytes = aq_malloc(file->size + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        equal =
            pread(fd, bytes, file->size + 1, 0) == (ssize_t)file->size && memcmp(bytes, file->bytes, file->size) == 0;
        close(fd);
    }
    free(bytes);
    return equal;
}

bool lostdisk_equals(const struct lostdisk *disk, const char *root)
{
    bool equal = true;
    char path[PATH_SIZE];
    struct lostdisk_choice choice = lostdisk_choose(disk);
    struct lostdisk_names names = make_names(disk, &choice);
    for (size_t i = 0; i < names.count; i++) {
        const struct lostdisk_name *name = &names.all[i];
        if (name->kind != RECORD_FILE)
            continue;
        snprintf(path, sizeof path, "%s%s", root, name->path);
        struct lostdisk_file file = make_contents(disk, &choice, name->file);
        equal &= equals_file(&file, path);
        free(file.bytes);
    }
    free(names.all);
    lostdisk_choice_free(&choice);
    return equal;
}
