#include "tests/lib/controller.h"
#include "controller/settings/settings.h"
#include "schema/base/clock.h"
#include "tests/lib/directory.h"
#include "tests/lib/program.h"
#include "tests/lib/socket.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MS = 120000, STOP_S = 60, ANSWER_S = 5 };

bool controller_answers(const struct controller *controller)
{
    char request[400], authorization[256], answer[64] = "";
    test_authorization(authorization, sizeof authorization, controller->login);
    int length = snprintf(request, sizeof request,
                          "GET /api/v1/me/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", authorization);
    int fd = test_connect(1, controller->api_port, ANSWER_S);
    if (fd < 0)
        return false;
    bool good = test_send(fd, request, (size_t)length) && recv(fd, answer, sizeof answer - 1, 0) > 12 &&
                strncmp(answer + 9, "200", 3) == 0;
    close(fd);
    return good;
}

static bool is_ready(struct controller *controller)
{
    char line[120];
    if (!test_read_line(controller->directory, AQ_FILE_API_PORT, line, sizeof line))
        return false;
    controller->api_port = (unsigned)strtoul(line, NULL, 10);
    if (!test_read_line(controller->directory, AQ_FILE_TOKEN, line, sizeof line))
        return false;
    snprintf(controller->login, sizeof controller->login, "admin:%.110s", line);
    if (!test_read_line(controller->directory, AQ_FILE_HUB_PORT, line, sizeof line))
        return false;
    controller->hub_port = (unsigned)strtoul(line, NULL, 10);
    return controller_answers(controller);
}

int controller_start(struct controller *controller, const char *log, const char *const *more)
{
    struct program_line line = {0};
    const uint64_t until_ms = aq_clock_ms() + START_MS;
    program_add(&line, "%s/aq-controller", program_build());
    program_add(&line, "--config");
    program_add(&line, "/dev/null");
    program_set(&line, "data=%s", controller->directory);
    program_set(&line, "api.port=%u", controller->api_port);
    program_set(&line, "hub.port=%u", controller->hub_port);
    for (; more != NULL && *more != NULL; more++)
        program_add(&line, "%s", *more);
    controller->pid = program_start(&line, log);
    for (; controller->pid > 0 && aq_clock_ms() < until_ms; usleep(2000)) {
        if (waitpid(controller->pid, NULL, WNOHANG) == controller->pid)
            controller->pid = 0;
        else if (is_ready(controller))
            return 0;
    }
    program_show_log(log);
    return -1;
}

int controller_stop(struct controller *controller, int signal)
{
    int status;
    if (controller->pid <= 0)
        return 0;
    kill(controller->pid, signal);
    if (program_wait(&controller->pid, STOP_S, &status) != 0)
        return -1;
    return signal != SIGTERM || (WIFEXITED(status) && WEXITSTATUS(status) == 0) ? 0 : -1;
}
