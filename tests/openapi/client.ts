// Uses the generated types as a client would. It is compiled, not run: what does not fit the document is an error.
import type { components, operations, paths } from "./api";

type Answer<Operation extends { responses: { 200: { content: { "application/json": unknown } } } }> =
    Operation["responses"][200]["content"]["application/json"];
type Query<Operation extends { parameters: { query?: unknown } }> = NonNullable<Operation["parameters"]["query"]>;

// A list, page by page.
export async function applications(ask: (url: string) => Promise<unknown>): Promise<components["schemas"]["application"][]> {
    const query: Query<operations["application_list"]> = { status: "NEW,ELECTED", created_since: "5m", limit: 100 };
    const rows: components["schemas"]["application"][] = [];
    for (let after: number | null = null; ; ) {
        const words: string[] = Object.entries({ ...query, ...(after === null ? {} : { after: String(after) }) }).map(
            ([name, value]) => `${name}=${encodeURIComponent(String(value))}`,
        );
        const page = (await ask(`/api/v1/application/?${words.join("&")}`)) as Answer<operations["application_list"]>;
        rows.push(...page.data);
        after = page.next;
        if (after === null)
            return rows;
    }
}

// Fields have their types, and may be null where they are.
export function summary(row: components["schemas"]["application"]): string {
    const id: number = row.id, status: string = row.status;
    const node: string | null = row.node, ended: string | null = row.ended_at;
    return `${id} ${status} ${node ?? "-"} ${ended ?? "-"}`;
}

// Requests.
export const create: NonNullable<operations["application_create"]["requestBody"]>["content"]["application/json"] = {
    label: "mac:1",
    metadata: { who: "me" },
};
export const label: components["schemas"]["label_create_input"] = {
    name: "mac",
    definitions: [{ driver: "process", options: { command: "true" }, resources: { cpu: 0.5, ram: "64MiB" } }],
};
export const stream: Query<operations["events"]> = { since: 7, follow: false, entity: "application" };
export const output: Query<operations["resource_log"]> = { size: 4096, after: 0, follow: true };
export const metadata: Query<operations["metadata"]> = { format: "env", prefix: "data" };
export const path: keyof paths = "/api/v1/application/{id}/deallocate";

// @ts-expect-error: what is not declared is no parameter
export const wrong: Query<operations["events"]> = { sinse: 7 };
// @ts-expect-error: a word that the enumeration does not have
export const word: Query<operations["metadata"]> = { format: "xml" };
// @ts-expect-error: a required field is missing
export const bad: components["schemas"]["label_create_input"] = { name: "mac" };
