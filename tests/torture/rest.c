#include "tests/torture/torture.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

enum { ANSWER_S = 20, PAGE = 1000 };

void rest_open(struct rest *rest, const struct cluster *cluster)
{
    *rest = (struct rest){.curl = curl_easy_init(), .cluster = cluster};
}

void rest_close(struct rest *rest)
{
    curl_easy_cleanup(rest->curl);
}

void rest_ask(struct rest *rest, struct http_reply *reply, const char *method, const char *path, const char *key,
              const char *body)
{
    const struct controller *controller = &rest->cluster->controller;
    char url[512], header[80];
    snprintf(url, sizeof url, "/api/v1/%s", path);
    snprintf(header, sizeof header, "Idempotency-Key: %s", key ? key : "");
    const struct http_client client = {.port = controller->api_port,
                                       .login = controller->login,
                                       .header = key != NULL ? header : NULL,
                                       .curl = rest->curl,
                                       .timeout_s = ANSWER_S};
    http_ask(&client, reply, method, body, url);
    if (reply->json == NULL) /* cut off in the middle: the client does not know whether the request succeeded */
        reply->status = 0;
}

json_t *rest_list(struct rest *rest, const char *path, uint64_t after)
{
    struct http_reply reply = {0};
    json_t *rows = json_array(), *next = NULL;
    char page[256], from[96] = "";
    if (after > 0)
        snprintf(from, sizeof from, "&after=%llu", (unsigned long long)after);
    do {
        snprintf(page, sizeof page, "%s%climit=%d%s", path, strchr(path, '?') ? '&' : '?', PAGE, from);
        rest_ask(rest, &reply, "GET", page, NULL, NULL);
        if (reply.status != 200 || json_array_extend(rows, json_object_get(reply.json, "data")) != 0) {
            json_decref(rows);
            http_reply_free(&reply);
            return NULL;
        }
        next = json_object_get(reply.json, "next");
        if (json_is_integer(next))
            snprintf(from, sizeof from, "&after=%lld", (long long)json_integer_value(next));
        else if (json_is_string(next))
            snprintf(from, sizeof from, "&after=%s", json_string_value(next));
    } while (next != NULL && !json_is_null(next));
    http_reply_free(&reply);
    return rows;
}
