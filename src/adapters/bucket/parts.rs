//! Copies of what S3 copies in parts only: begun, copied part by part, and put together.

use bytes::Bytes;
use reqwest::Method;

use super::ask::Ask;
use super::dialect::PartCopy;
use super::fault::StoreFault;
use super::store::ObjectStore;

/// More parts than this no object has.
const MOST: u64 = 10_000;

impl PartCopy {
    /// The first and the last byte of each part.
    fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + use<> {
        let (size, length) = (self.size, self.length.max(self.size.div_ceil(MOST)).max(1));
        (0..size.div_ceil(length)).map(move |part| (part * length, ((part + 1) * length).min(size) - 1))
    }
}

impl ObjectStore {
    /// Copy it; what was begun and does not end is taken back, as a store keeps it and is paid for it.
    pub(super) async fn copy_parts(&self, copy: PartCopy) -> Result<(), StoreFault> {
        let begun = self.ask_xml(&copy.begin, "InitiateMultipartUploadResult").await?;
        let (key, id) = (&*copy.begin.key, begun.text("UploadId"));
        let copied = self.copy_each(&copy, id).await;
        if copied.is_err() {
            let abort = Ask::new(Method::DELETE, key).query("uploadId", id);
            if let Err(fault) = self.ask(&abort, 1 << 16).await {
                tracing::warn!("a copy that failed stays as a multipart upload: {}", fault.reason());
            }
        }
        copied
    }

    async fn copy_each(&self, copy: &PartCopy, id: &str) -> Result<(), StoreFault> {
        let mut list = Vec::new();
        for ((from, to), number) in copy.ranges().zip(1_u32..) {
            let part = copy.part.clone().query("partNumber", number.to_string()).query("uploadId", id);
            let part = part.header("x-amz-copy-source-range", format!("bytes={from}-{to}"));
            let tag = self.ask_xml(&part, "CopyPartResult").await?.text("ETag").replace('"', "&quot;");
            list.push(format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"));
        }
        let list = list.concat();
        let body = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        let whole = Ask::new(Method::POST, &copy.begin.key).query("uploadId", id).body(Bytes::from(body));
        self.ask_xml(&whole, "CompleteMultipartUploadResult").await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_long_as_was_said_unless_there_were_too_many() {
        let ranges = |size, length| {
            let ask = || Ask::new(Method::PUT, "k");
            PartCopy { begin: ask(), part: ask(), size, length }.ranges().collect::<Vec<_>>()
        };
        assert_eq!(ranges(10, 4), [(0, 3), (4, 7), (8, 9)]);
        assert_eq!(ranges(8, 4), [(0, 3), (4, 7)]);
        assert_eq!(ranges(3, 4), [(0, 2)]);
        let many = ranges(25_001, 1);
        assert_eq!((many.len(), many[0], many[many.len() - 1]), (8334, (0, 2), (24_999, 25_000)));
    }
}
