#include "tests/lib/http_client.h"
#include "tests/lib/socket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HTTP_TIMEOUT_S = 60 };

static size_t http_take(char *data, size_t size, size_t count, void *context)
{
    aq_buffer_add(context, data, size * count);
    return size * count;
}

void http_reply_free(struct http_reply *reply)
{
    json_decref(reply->json);
    aq_buffer_free(&reply->body);
    aq_buffer_free(&reply->headers);
    *reply = (struct http_reply){0};
}

static void http_set_options(CURL *curl, const struct http_client *client, struct http_reply *reply, const char *method,
                             const char *body)
{
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, client->timeout_s != 0 ? (long)client->timeout_s : (long)HTTP_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, http_take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, http_take);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply->headers);
    if (client->authority != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, client->authority);
    if (client->socket != NULL)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    if (client->login != NULL)
        curl_easy_setopt(curl, CURLOPT_USERPWD, client->login);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
}

void http_ask(const struct http_client *client, struct http_reply *reply, const char *method, const char *body,
              const char *path)
{
    char url[2048];
    snprintf(url, sizeof url, "%s://127.0.0.1:%u%s", client->authority != NULL ? "https" : "http", client->port, path);
    http_reply_free(reply);
    CURL *curl = client->curl != NULL ? client->curl : curl_easy_init();
    curl_easy_reset(curl); /* keeps its connection */
    struct curl_slist *headers = client->header ? curl_slist_append(NULL, client->header) : NULL;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    http_set_options(curl, client, reply, method, body);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    else
        reply->why = curl_easy_strerror(code);
    curl_slist_free_all(headers);
    if (curl != client->curl)
        curl_easy_cleanup(curl);
    reply->json = json_loadb(aq_buffer_string(&reply->body), reply->body.length, JSON_DECODE_ANY, NULL);
}

int http_connect(unsigned port)
{
    int fd = test_connect(1, port, HTTP_TIMEOUT_S);
    if (fd < 0)
        abort();
    return fd;
}

bool http_send(int fd, const char *text)
{
    return test_send(fd, text, strlen(text));
}

bool http_read_until(int fd, const char *wanted, struct aq_buffer *seen)
{
    char chunk[4096];
    while (strstr(aq_buffer_string(seen), wanted) == NULL) {
        ssize_t got = recv(fd, chunk, sizeof chunk, 0);
        if (got <= 0)
            return false;
        aq_buffer_add(seen, chunk, (size_t)got);
    }
    return true;
}

const char *json_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

uint64_t json_number(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}
