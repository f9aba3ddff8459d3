//! Pages of listings for the benchmarks.

use std::fmt::Write as _;

/// Returns a page of a listing with the properties that Azure sends.
pub fn page(blobs: usize) -> String {
    let mut xml = String::from(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"https://contoso.blob.core.windows.net/\" ContainerName=\"training\"><Blobs>",
    );
    for n in 0..blobs {
        write!(
            xml,
            "<Blob><Name>plant-07/line-3/camera-{:02}/2026-11-24/frame-{n:08}.jpg</Name><Properties>\
             <Creation-Time>Tue, 24 Nov 2026 08:49:37 GMT</Creation-Time><Last-Modified>Tue, 24 Nov 2026 08:49:37 GMT</Last-Modified>\
             <Etag>0x8DD0C7A1B{n:06X}</Etag><Content-Length>{}</Content-Length><Content-Type>image/jpeg</Content-Type>\
             <Content-Encoding /><Content-Language /><Content-CRC64 /><Content-MD5>AAECAwQFBgcICQoLDA0ODw==</Content-MD5>\
             <Cache-Control /><Content-Disposition /><BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>\
             <AccessTierInferred>true</AccessTierInferred><LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>\
             <ServerEncrypted>true</ServerEncrypted></Properties><OrMetadata /></Blob>",
            n % 16,
            40_000 + n,
        )
        .unwrap();
    }
    xml.push_str("</Blobs><NextMarker>2!92!MDAwMDI4</NextMarker></EnumerationResults>");
    xml
}
