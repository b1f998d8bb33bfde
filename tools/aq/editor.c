#include "tools/aq/editor.h"

#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_SIZE_MAX = 1 << 20 };
static const char mark[] = "# aq: "; /* begins the lines of our comment */

int cli_editor_file(const char *what, char **path, struct aq_error *error)
{
    const char *directory = getenv("TMPDIR");
    struct aq_buffer name = {0};
    aq_buffer_format(&name, "%s/aq-%s-XXXXXX.yml", directory && directory[0] ? directory : "/tmp", what);
    int fd = mkostemps(name.data, 4, O_CLOEXEC);
    *path = fd >= 0 ? aq_strdup(name.data) : NULL;
    if (fd < 0)
        aq_fail_errno(error, errno, "%.200s cannot be created", name.data);
    else
        close(fd);
    aq_buffer_free(&name);
    return fd < 0 ? -1 : 0;
}

static int write_file(const char *path, const struct aq_buffer *text, struct aq_error *error)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, aq_buffer_string(text), text->length) == (ssize_t)text->length;
    int number = errno;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    return good ? 0 : aq_fail_errno(error, number, "%.200s", path);
}

static const char *choose_editor(void)
{
    static const char *const variables[] = {"VISUAL", "EDITOR"};
    for (size_t i = 0; i < AQ_LENGTH(variables); i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return "vi";
}

/* As git does: the variable may hold arguments, which the shell takes apart. */
static int run_editor(const char *path, struct aq_error *error)
{
    const char *editor = choose_editor();
    struct aq_buffer line = {0};
    int status = 0;
    aq_buffer_format(&line, "%s \"$1\"", editor);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", aq_buffer_string(&line), "sh", path, (char *)NULL);
        _exit(127);
    }
    int number = errno;
    aq_buffer_free(&line);
    if (child < 0)
        return aq_fail_errno(error, number, "the editor cannot be started");
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return aq_fail(error, AQ_E_INVALID,
                   "the editor \"%.100s\" failed (VISUAL and EDITOR name another); the text is in %s", editor, path);
}

/* Without the lines of our comment. */
static void take_text(const struct aq_buffer *file, struct aq_buffer *text)
{
    aq_buffer_reset(text);
    for (const char *line = aq_buffer_string(file); *line != '\0';) {
        size_t length = strcspn(line, "\n");
        length += line[length] == '\n';
        if (strncmp(line, mark, sizeof mark - 1) != 0)
            aq_buffer_add(text, line, length);
        line += length;
    }
}

int cli_editor_run(const char *path, struct aq_buffer *text, const char *complaint, bool *changed,
                   struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer file = {0}, before = {0};
    char comment[AQ_ERROR_MESSAGE_SIZE];
    snprintf(comment, sizeof comment, "%s", complaint ? complaint : "");
    for (char *c = comment; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
    if (complaint != NULL)
        aq_buffer_format(&file, "%s%s\n%sit is tried again when this is mended; saved unchanged, it is given up\n",
                         mark, comment, mark);
    aq_buffer_add(&file, aq_buffer_string(text), text->length);
    aq_buffer_add(&before, aq_buffer_string(text), text->length);
    if (write_file(path, &file, error) != 0 || run_editor(path, error) != 0)
        return -1;
    aq_buffer_reset(&file);
    if (aq_file_read(AT_FDCWD, path, TEXT_SIZE_MAX, &file, error) != 0)
        return -1;
    take_text(&file, text);
    *changed = strcmp(aq_buffer_string(text), aq_buffer_string(&before)) != 0;
    return 0;
}
