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

static size_t take(char *data, size_t size, size_t count, void *context)
{
    aq_buffer_add(context, data, size * count);
    return size * count;
}

void reply_free(struct reply *reply)
{
    json_decref(reply->json);
    *reply = (struct reply){0};
}

void rest_ask(struct rest *rest, struct reply *reply, const char *method, const char *path, const char *key,
              const char *body)
{
    char url[512], header[80];
    struct aq_buffer text = {0};
    CURL *curl = rest->curl;
    reply_free(reply);
    curl_easy_reset(curl); /* keeps its connection */
    snprintf(url, sizeof url, "http://127.0.0.1:%u/api/v1/%s", rest->cluster->api_port, path);
    snprintf(header, sizeof header, "Idempotency-Key: %s", key ? key : "");
    struct curl_slist *headers = key != NULL ? curl_slist_append(NULL, header) : NULL;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)ANSWER_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
    curl_easy_setopt(curl, CURLOPT_USERPWD, rest->cluster->login);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    reply->json = json_loadb(aq_buffer_string(&text), text.length, 0, NULL);
    if (reply->json == NULL) /* cut off in the middle: whoever asked was told nothing */
        reply->status = 0;
    curl_slist_free_all(headers);
    aq_buffer_free(&text);
}

uint64_t json_number(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

const char *json_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

json_t *rest_list(struct rest *rest, const char *path, uint64_t after)
{
    struct reply reply = {0};
    json_t *rows = json_array(), *next = NULL;
    char page[256], from[96] = "";
    if (after > 0)
        snprintf(from, sizeof from, "&after=%llu", (unsigned long long)after);
    do {
        snprintf(page, sizeof page, "%s%climit=%d%s", path, strchr(path, '?') ? '&' : '?', PAGE, from);
        rest_ask(rest, &reply, "GET", page, NULL, NULL);
        if (reply.status != 200 || json_array_extend(rows, json_object_get(reply.json, "data")) != 0) {
            json_decref(rows);
            reply_free(&reply);
            return NULL;
        }
        next = json_object_get(reply.json, "next");
        if (json_is_integer(next))
            snprintf(from, sizeof from, "&after=%lld", (long long)json_integer_value(next));
        else if (json_is_string(next))
            snprintf(from, sizeof from, "&after=%s", json_string_value(next));
    } while (next != NULL && !json_is_null(next));
    reply_free(&reply);
    return rows;
}
