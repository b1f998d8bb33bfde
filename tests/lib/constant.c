#include "tests/lib/constant.h"
#include "controller/serve/handshakes.h"
#include "schema/base/files.h"
#include "tests/lib/bench.h"
#include "tests/lib/socket.h"

#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { PEM_MAX = 65536 };

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_length, void **state)
{
    static int seen;
    const struct aq_buffer *body = context;
    (void)url, (void)method, (void)version, (void)upload, (void)upload_length;
    if (*state == NULL) { /* answers at the second call, as is usual with this library */
        *state = &seen;
        return MHD_YES;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(body->length, body->data, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    enum MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return queued;
}

/* The library takes connections itself. With TLS it speaks what the controller speaks. */
static struct MHD_Daemon *start(const struct aq_buffer *body, int listen_fd, const char *pem)
{
    struct aq_buffer text = {0};
    struct aq_error error;
    if (pem != NULL)
        BENCH_MUST(aq_file_read(AT_FDCWD, pem, PEM_MAX, &text, &error) == 0);
    const struct MHD_OptionItem secure[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, text.data},
                                            {MHD_OPTION_HTTPS_MEM_CERT, 0, text.data},
                                            {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)handshakes_priorities},
                                            {MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (pem != NULL ? MHD_USE_TLS : 0), 0, NULL, NULL,
                            answer, (void *)body, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                            4096U, MHD_OPTION_CONNECTION_TIMEOUT, 60U, MHD_OPTION_ARRAY,
                            pem != NULL ? secure : secure + 3, MHD_OPTION_END);
}

/* A loop such as that of controller/serve/serve.c. */
static void serve_constant(struct MHD_Daemon *daemon)
{
    if (daemon == NULL)
        _exit(1);
    int epoll = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    for (;;) {
        MHD_UNSIGNED_LONG_LONG wait;
        struct pollfd fd = {.fd = epoll, .events = POLLIN};
        poll(&fd, 1, MHD_get_timeout(daemon, &wait) == MHD_YES && wait < 60000 ? (int)wait : 60000);
        MHD_run(daemon);
    }
}

void constant_start(struct constant *constant, const struct aq_buffer *body, const char *pem)
{
    int fd = test_listen(&constant->port, 1024);
    pid_t parent = getpid();
    BENCH_MUST(fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    constant->pid = fork();
    BENCH_MUST(constant->pid >= 0);
    if (constant->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        serve_constant(start(body, fd, pem));
    }
    close(fd);
}

void constant_stop(struct constant *constant)
{
    kill(constant->pid, SIGKILL);
    waitpid(constant->pid, NULL, 0);
}
