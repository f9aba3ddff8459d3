// Lists a container with Microsoft's client for JavaScript, which shares no line with this crate,
// and prints the names as one JSON array.
//
// node list.mjs ACCOUNT_URL CONTAINER PAGE_SIZE, with the token in BEARER_TOKEN

import { BlobServiceClient } from "@azure/storage-blob";

const [url, container, pageSize] = process.argv.slice(2);
const credential = {
  getToken: async () => ({
    token: process.env.BEARER_TOKEN,
    expiresOnTimestamp: Date.now() + 3_600_000,
  }),
};
const client = new BlobServiceClient(url, credential).getContainerClient(container);
const names = [];
for await (const page of client.listBlobsFlat().byPage({ maxPageSize: Number(pageSize) })) {
  names.push(...page.segment.blobItems.map((blob) => blob.name));
}
process.stdout.write(JSON.stringify(names));
