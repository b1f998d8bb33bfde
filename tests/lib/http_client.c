#include "tests/lib/http_client.h"

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

void http_ask(const struct http_client *client, struct http_reply *reply, const char *method, const char *body,
              const char *path)
{
    char url[2048];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", client->port, path);
    http_reply_free(reply);
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, client->header ? client->header : "X-Nothing: 1");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)HTTP_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, http_take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, http_take);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply->headers);
    if (client->login != NULL)
        curl_easy_setopt(curl, CURLOPT_USERPWD, client->login);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    else
        fprintf(stderr, "%s %s: %s\n", method, path, curl_easy_strerror(code));
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    reply->json = json_loadb(aq_buffer_string(&reply->body), reply->body.length, JSON_DECODE_ANY, NULL);
}

int http_connect(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval timeout = {.tv_sec = HTTP_TIMEOUT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

bool http_send(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
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
