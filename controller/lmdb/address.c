#include "controller/lmdb/address.h"

#include "controller/lmdb/file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 4096 };

static const char data_file[] = "/" LMDB_DATA_FILE;

/* ---- texts -------------------------------------------------------------------------------------------- */

void lmdb_text_add(struct lmdb_text *text, const char *words)
{
    while (*words != '\0' && text->length < sizeof text->bytes - 1)
        text->bytes[text->length++] = *words++;
    text->bytes[text->length] = '\0';
}

static void add_number(struct lmdb_text *text, uint64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    lmdb_text_add(text, digits + at);
}

void lmdb_text_add_place(struct lmdb_text *text, uint64_t byte)
{
    lmdb_text_add(text, "page ");
    add_number(text, byte / (uint64_t)sysconf(_SC_PAGESIZE));
    lmdb_text_add(text, ", byte ");
    add_number(text, byte);
}

/* ---- /proc/self/maps ---------------------------------------------------------------------------------- */

/* One line of the file. */
struct mapping {
    uint64_t begin, end, offset; /* of its first byte in the mapped file */
    char path[LMDB_PATH_SIZE];
};

static const char *parse_hex(const char *at, uint64_t *number)
{
    *number = 0;
    for (;; at++) {
        unsigned digit = *at >= '0' && *at <= '9' ? (unsigned)(*at - '0') : (unsigned)(*at - 'a') + 10;
        if (digit > 15)
            return at;
        *number = *number << 4 | digit;
    }
}

/* "begin-end rwxp offset device inode   path" */
static void parse_line(const char *line, struct mapping *mapping)
{
    size_t length = 0;
    line = parse_hex(line, &mapping->begin);
    if (*line == '-')
        line = parse_hex(line + 1, &mapping->end);
    for (int blanks = 0; *line != '\0' && blanks < 2; line++)
        blanks += *line == ' ';
    line = parse_hex(line, &mapping->offset);
    while (*line != '\0' && *line != '/')
        line++;
    while (*line != '\0' && length < sizeof mapping->path - 1)
        mapping->path[length++] = *line++;
    mapping->path[length] = '\0';
}

typedef bool mapping_fn(void *context, const struct mapping *mapping);

/* Calls `visit` for each mapping until it returns true, which is then returned. */
static bool each_mapping(mapping_fn *visit, void *context)
{
    char line[LMDB_PATH_SIZE + 128], bytes[READ_SIZE];
    struct mapping mapping;
    size_t length = 0;
    ssize_t got;
    bool found = false;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && !found && (got = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < got && !found; i++) {
            if (bytes[i] != '\n') {
                if (length < sizeof line - 1)
                    line[length++] = bytes[i];
                continue;
            }
            line[length] = '\0';
            length = 0;
            parse_line(line, &mapping);
            found = visit(context, &mapping);
        }
    if (fd >= 0)
        close(fd);
    return found;
}

struct mapped {
    lmdb_mapped_fn *visit;
    void *context;
};

static bool visit_path(void *context, const struct mapping *mapping)
{
    const struct mapped *mapped = context;
    return mapping->path[0] != '\0' && mapped->visit(mapped->context, mapping->path);
}

bool lmdb_each_mapped(lmdb_mapped_fn *visit, void *context)
{
    struct mapped mapped = {visit, context};
    return each_mapping(visit_path, &mapped);
}

/* ---- addresses ---------------------------------------------------------------------------------------- */

struct wanted {
    uint64_t address;
    struct lmdb_address *out;
};

static bool holds_address(void *context, const struct mapping *mapping)
{
    const struct wanted *wanted = context;
    if (wanted->address < mapping->begin || wanted->address >= mapping->end)
        return false;
    memcpy(wanted->out->path, mapping->path, sizeof mapping->path);
    wanted->out->byte = wanted->address - mapping->begin + mapping->offset;
    return true;
}

bool lmdb_address_find(uint64_t address, struct lmdb_address *out)
{
    struct wanted wanted = {address, out};
    return each_mapping(holds_address, &wanted);
}

bool lmdb_cut_to_directory(char *path)
{
    size_t length = strlen(path), name = sizeof data_file - 1;
    if (length <= name || memcmp(path + length - name, data_file, name) != 0)
        return false;
    path[length - name] = '\0';
    return true;
}

void lmdb_address_show(const void *address, char place[LMDB_PLACE_SIZE])
{
    struct lmdb_address found;
    struct lmdb_text text = {.length = 0};
    if (lmdb_address_find((uint64_t)(uintptr_t)address, &found) && lmdb_cut_to_directory(found.path)) {
        lmdb_text_add(&text, found.path);
        lmdb_text_add(&text, data_file);
        lmdb_text_add(&text, LMDB_IS_DAMAGED);
        lmdb_text_add_place(&text, found.byte);
    } else {
        lmdb_text_add(&text, "there is damage");
    }
    size_t length = text.length < LMDB_PLACE_SIZE ? text.length : LMDB_PLACE_SIZE - 1;
    memcpy(place, text.bytes, length);
    place[length] = '\0';
}
