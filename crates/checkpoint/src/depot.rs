//! The depot: where copies are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::TryStreamExt;
use kinfold_pipeline::changelog::{Mark, Stamp};
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;
use url::Url;

use crate::manifest::{Manifest, Piece, Place};

/// Files are read and sent in pieces of this size.
const CHUNK: usize = 1 << 20;
/// So many copies of each store are kept: the newest, and one more should it turn out to be of no use.
pub const COPIES: usize = 2;
/// What no manifest names may belong to a copy that is being made. Nobody takes longer than this to make one.
pub const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 3600);

/// The depot does not do what it should.
#[derive(Debug, thiserror::Error)]
#[error("the depot at {url}: {doing} failed: {why}")]
pub struct DepotError {
    url: String,
    doing: String,
    why: String,
}

/// What a copy cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// How large the copy is.
    pub bytes: u64,
    /// What of that was sent.
    pub sent_bytes: u64,
}

/// Where copies are kept. Every call waits until it is done.
pub struct Depot {
    store: Arc<dyn ObjectStore>,
    root: Key,
    /// Without credentials.
    url: String,
    runtime: Runtime,
}

impl Depot {
    /// Opens a depot: `s3://bucket/path`, `gs://bucket/path`, `az://container/path` or `file:///path`. `options` are those
    /// of the object store, for example `aws_region`; what they do not name comes from where the vendor's own tools look.
    ///
    /// # Errors
    /// For an URL that names no object store, and options that it does not know or lacks.
    pub fn open(url: &str, options: &[(String, String)]) -> Result<Self, DepotError> {
        let failed = |why: String| DepotError { url: url.to_owned(), doing: "opening it".to_owned(), why };
        let parsed = Url::parse(url).map_err(|error| failed(error.to_string()))?;
        if let Ok(folder) = parsed.to_file_path() {
            std::fs::create_dir_all(&folder).map_err(|error| failed(error.to_string()))?;
        }
        let (store, root) =
            object_store::parse_url_opts(&parsed, options.iter().map(|(key, value)| (key, value)))
                .map_err(|error| failed(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        Ok(Self { store: store.into(), root, url: url.to_owned(), runtime })
    }

    /// Saves a copy of a folder, and removes copies that are no longer needed.
    ///
    /// # Errors
    /// When the folder cannot be read or the depot does not answer. The copies from before are still there.
    pub fn save(&self, place: Place, stamp: Stamp, mark: Mark, folder: &Path) -> Result<Saved, DepotError> {
        let pieces = pieces(folder).map_err(|error| self.failed("reading the store", &error))?;
        self.runtime.block_on(async {
            let files = self.files(place);
            let there: BTreeSet<String> = self
                .list(&files)
                .await?
                .iter()
                .filter_map(|file| file.location.filename().map(str::to_owned))
                .collect();
            let mut sent_bytes = 0;
            for piece in pieces.iter().filter(|piece| !there.contains(&piece.hash)) {
                self.send(&folder.join(&piece.name), &files.clone().join(piece.hash.as_str())).await?;
                sent_bytes += piece.bytes;
            }
            let name = format!("{:015}-{}.json", mark.time.millis(), mark.commit);
            let manifest = Manifest { stamp, mark, pieces };
            let bytes = serde_json::to_vec_pretty(&manifest)
                .map_err(|error| self.failed("writing the manifest", &error))?;
            let key = self.copies(place).join(name);
            let put = self.store.put(&key, PutPayload::from(bytes)).await;
            put.map_err(|error| self.failed("sending the manifest", &error))?;
            self.prune(place).await?;
            Ok(Saved { bytes: manifest.bytes(), sent_bytes })
        })
    }

    /// The newest copy of a store, if there is one.
    ///
    /// # Errors
    /// When the depot does not answer, or the manifest cannot be read.
    pub fn latest(&self, place: Place) -> Result<Option<Manifest>, DepotError> {
        self.runtime.block_on(async {
            match self.manifests(place).await?.pop() {
                Some(newest) => self.manifest(&newest).await.map(Some),
                None => Ok(None),
            }
        })
    }

    /// Writes the files of a copy to a folder, which is created.
    ///
    /// # Errors
    /// When the folder cannot be written, the depot does not answer, or what it gives is not what was saved.
    pub fn fetch(&self, place: Place, manifest: &Manifest, folder: &Path) -> Result<(), DepotError> {
        std::fs::create_dir_all(folder).map_err(|error| self.failed("making a folder", &error))?;
        self.runtime.block_on(async {
            for piece in &manifest.pieces {
                let is_name = Path::new(&piece.name).components().count() == 1 && piece.name != "..";
                if !is_name {
                    return Err(self.failed("reading the manifest", &"a file has a path for a name"));
                }
                let key = self.files(place).join(piece.hash.as_str());
                let hash = self.receive(&key, &folder.join(&piece.name)).await?;
                if hash != piece.hash {
                    return Err(self.failed("fetching a file", &format!("{} is damaged", piece.name)));
                }
            }
            Ok(())
        })
    }

    /// Removes old copies, and the files that no copy needs any more.
    async fn prune(&self, place: Place) -> Result<(), DepotError> {
        let mut manifests = self.manifests(place).await?;
        let kept = manifests.split_off(manifests.len().saturating_sub(COPIES));
        let mut needed = BTreeSet::new();
        for key in &kept {
            needed.extend(self.manifest(key).await?.pieces.into_iter().map(|piece| piece.hash));
        }
        let oldest = SystemTime::now() - LEFTOVER_AGE;
        let is_leftover = |file: &ObjectMeta| {
            let modified = UNIX_EPOCH + Duration::from_secs(file.last_modified.timestamp().unsigned_abs());
            file.location.filename().is_none_or(|hash| !needed.contains(hash)) && modified < oldest
        };
        let files = self.list(&self.files(place)).await?;
        let leftover = files.into_iter().filter(is_leftover).map(|file| file.location);
        for key in manifests.into_iter().chain(leftover) {
            self.store.delete(&key).await.map_err(|error| self.failed("removing an old copy", &error))?;
        }
        Ok(())
    }

    async fn manifests(&self, place: Place) -> Result<Vec<Key>, DepotError> {
        let mut keys: Vec<Key> =
            self.list(&self.copies(place)).await?.into_iter().map(|object| object.location).collect();
        keys.sort();
        Ok(keys)
    }

    async fn manifest(&self, key: &Key) -> Result<Manifest, DepotError> {
        let doing = "reading a manifest";
        let object = self.store.get(key).await.map_err(|error| self.failed(doing, &error))?;
        let bytes: Bytes = object.bytes().await.map_err(|error| self.failed(doing, &error))?;
        serde_json::from_slice(&bytes).map_err(|error| self.failed(doing, &error))
    }

    async fn list(&self, prefix: &Key) -> Result<Vec<ObjectMeta>, DepotError> {
        self.store.list(Some(prefix)).try_collect().await.map_err(|error| self.failed("listing it", &error))
    }

    async fn send(&self, from: &Path, to: &Key) -> Result<(), DepotError> {
        let mut file = File::open(from).map_err(|error| self.failed("reading the store", &error))?;
        let mut writer = BufWriter::new(Arc::clone(&self.store), to.clone());
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk).map_err(|error| self.failed("reading the store", &error))? {
                0 => break,
                read => writer
                    .write_all(&chunk[..read])
                    .await
                    .map_err(|error| self.failed("sending a file", &error))?,
            }
        }
        writer.shutdown().await.map_err(|error| self.failed("sending a file", &error))
    }

    /// Writes an object to a file, and tells the hash of what was written.
    async fn receive(&self, from: &Key, to: &Path) -> Result<String, DepotError> {
        let doing = "fetching a file";
        let mut file = File::create(to).map_err(|error| self.failed(doing, &error))?;
        let object = self.store.get(from).await.map_err(|error| self.failed(doing, &error))?;
        let (mut stream, mut hasher) = (object.into_stream(), blake3::Hasher::new());
        while let Some(chunk) = stream.try_next().await.map_err(|error| self.failed(doing, &error))? {
            hasher.update(&chunk);
            file.write_all(&chunk).map_err(|error| self.failed(doing, &error))?;
        }
        file.sync_all().map_err(|error| self.failed(doing, &error))?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    fn copies(&self, place: Place) -> Key {
        self.place(place).join("copies")
    }

    fn files(&self, place: Place) -> Key {
        self.place(place).join("files")
    }

    fn place(&self, place: Place) -> Key {
        self.root.clone().join(place.stage.as_str()).join(place.partition.to_string())
    }

    fn failed(&self, doing: &str, why: &dyn std::fmt::Display) -> DepotError {
        DepotError { url: self.url.clone(), doing: doing.to_owned(), why: why.to_string() }
    }
}

/// The files of a folder, by name.
fn pieces(folder: &Path) -> std::io::Result<Vec<Piece>> {
    let mut pieces = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let (mut file, mut hasher, mut bytes) = (File::open(entry.path())?, blake3::Hasher::new(), 0);
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk)? {
                0 => break,
                read => {
                    hasher.update(&chunk[..read]);
                    bytes += read as u64;
                }
            }
        }
        let hash = hasher.finalize().to_hex().to_string();
        pieces.insert(name.clone(), Piece { name, bytes, hash });
    }
    Ok(pieces.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::Timestamp;
    use kinfold_pipeline::StageName;

    const PLACE: Place = Place { stage: StageName::Stitch, partition: 3 };

    fn stamp() -> Stamp {
        Stamp { cluster: "c".to_owned(), topic: "t".to_owned(), partition: 3 }
    }

    fn mark(commit: u64) -> Mark {
        let time = Timestamp::from_millis(i64::try_from(commit).expect("small")).expect("in range");
        Mark { lineage: 7, commit, time, ..Mark::default() }
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).expect("written");
        }
        folder
    }

    fn depot(at: &tempfile::TempDir) -> Depot {
        let url = Url::from_directory_path(at.path()).expect("a path");
        Depot::open(url.as_str(), &[]).expect("opens")
    }

    #[test]
    fn a_copy_comes_back_as_it_was_and_the_next_one_costs_only_what_is_new() {
        let (at, first) =
            (tempfile::tempdir().expect("a folder"), folder(&[("1.sst", "one"), ("CURRENT", "a")]));
        let depot = depot(&at);
        assert_eq!(depot.latest(PLACE).expect("answers"), None);
        let saved = depot.save(PLACE, stamp(), mark(1), first.path()).expect("saved");
        assert_eq!(saved, Saved { bytes: 4, sent_bytes: 4 });
        let second = folder(&[("1.sst", "one"), ("2.sst", "two"), ("CURRENT", "b")]);
        let saved = depot.save(PLACE, stamp(), mark(2), second.path()).expect("saved");
        assert_eq!(saved, Saved { bytes: 7, sent_bytes: 4 });
        let manifest = depot.latest(PLACE).expect("answers").expect("is there");
        assert_eq!((manifest.mark.commit, &manifest.stamp), (2, &stamp()));
        let back = at.path().join("back");
        depot.fetch(PLACE, &manifest, &back).expect("fetched");
        assert_eq!(pieces(&back).expect("read"), pieces(second.path()).expect("read"));
        let other = Place { partition: 4, ..PLACE };
        assert_eq!(depot.latest(other).expect("answers"), None);
    }

    #[test]
    fn of_many_copies_the_newest_are_kept() {
        let (at, store) = (tempfile::tempdir().expect("a folder"), folder(&[("1.sst", "one")]));
        let depot = depot(&at);
        for commit in 1..=5 {
            depot.save(PLACE, stamp(), mark(commit), store.path()).expect("saved");
        }
        let copies = std::fs::read_dir(at.path().join("stitch/3/copies")).expect("a folder").count();
        assert_eq!(copies, COPIES);
        assert_eq!(depot.latest(PLACE).expect("answers").expect("is there").mark.commit, 5);
    }

    #[test]
    fn a_copy_that_was_damaged_is_not_taken() {
        let (at, store) = (tempfile::tempdir().expect("a folder"), folder(&[("1.sst", "one")]));
        let depot = depot(&at);
        depot.save(PLACE, stamp(), mark(1), store.path()).expect("saved");
        let manifest = depot.latest(PLACE).expect("answers").expect("is there");
        let file = at.path().join("stitch/3/files").join(&manifest.pieces[0].hash);
        std::fs::write(file, "other").expect("written");
        let error = depot.fetch(PLACE, &manifest, &at.path().join("back")).expect_err("is damaged");
        assert!(error.to_string().contains("1.sst is damaged"), "{error}");
    }

    #[test]
    fn what_is_no_object_store_is_named() {
        for url in ["nothing", "ftp://host/path"] {
            let error = Depot::open(url, &[]).err().expect("is refused");
            assert!(error.to_string().contains(url), "{error}");
        }
    }
}
