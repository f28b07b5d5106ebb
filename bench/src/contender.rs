//! Who is measured, by what request, and how each is started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use testkit::runtime_api::Function;
use testkit::template;

use crate::process::size;
use crate::scene::{self, SOCKETS, Scene, Signed};

/// A request that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// `GET /auth/me`, which the peers answer as well.
    Me,
    /// `GET /api/webrtc/call/{id}`
    Show,
    /// The frame `ping`.
    Ping,
    /// `GET /api/recordings`
    Recordings,
    /// A minute of the clock in which nothing is due.
    Minute,
}

/// Which request of which function is measured: one line for every function of template.yaml.
const LINES: [(&str, Asked); 5] = [
    ("auth", Asked::Me),
    ("calls", Asked::Show),
    ("realtime", Asked::Ping),
    ("recordings", Asked::Recordings),
    ("timers", Asked::Minute),
];

/// What somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A function of template.yaml.
    Ours,
    /// The least that a Rust function is.
    Floor,
    /// What others would write in Python.
    FastApi,
    /// What others would write for Node.
    Node,
}

/// A program that is measured.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) asked: Asked,
    pub(crate) function: Function,
    /// Bytes of what is deployed: the program, or the folder of the package.
    pub(crate) size: u64,
}

/// Where `bench/run` has put everything.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    /// The functions' programs, by their names.
    pub(crate) release: PathBuf,
    /// Python with the packages of requirements.txt.
    pub(crate) venv: PathBuf,
    /// What is made for the peers, and the certificates.
    pub(crate) cache: PathBuf,
}

impl Contender {
    /// Everybody, the first of them ours.
    pub(crate) fn all(scene: &Scene, built: &Built) -> Result<Vec<Self>, String> {
        for function in template::functions() {
            if !LINES.iter().any(|(line, _)| *line == function) {
                return Err(format!(
                    "template.yaml has the function {function}, and none of its requests is measured: add a line for it \
                     to LINES in bench/src/contender.rs"
                ));
            }
        }
        let mut all = Vec::new();
        for (name, asked) in LINES {
            all.push(ours(scene, built, name, asked)?);
        }
        // The peers get what `auth` gets, and so do the same.
        let like_auth = |name: &str, command: Vec<String>, more: &[(&str, &Path)]| {
            let mut function = Function { command, ..all[0].function.clone() };
            name.clone_into(&mut function.name);
            let more = more.iter().map(|(name, path)| ((*name).to_owned(), path.display().to_string()));
            function.environment.extend(more);
            function
        };
        let path = |path: &Path| path.display().to_string();
        let mut peers = Vec::new();

        let hello = existing(&built.release.join("hello"))?;
        let function = like_auth("hello", vec![path(&hello)], &[]);
        peers.push(Self {
            name: "lambda_http, hello".into(),
            kind: Kind::Floor,
            asked: Asked::Me,
            function,
            size: size(&hello, &[]),
        });

        let (python, app) = (existing(&built.venv.join("bin/python"))?, existing(&built.cache.join("python"))?);
        let packages = existing(&built.venv.join("lib/python3.11/site-packages"))?;
        let command = vec![path(&python), "-m".into(), "awslambdaric".into(), "app.handler".into()];
        let roots = built.cache.join("roots.pem");
        let more = [("PYTHONPATH", app.as_path()), ("LAMBDA_TASK_ROOT", &app), ("AWS_CA_BUNDLE", &roots)];
        let mut function = like_auth("fastapi", command, &more);
        function.environment.insert("AWS_EXECUTION_ENV".into(), "AWS_Lambda_python3.11".into());
        let size_of_package = size(&app, &[]) + size(&packages, &["/pip", "/setuptools", "/pkg_resources"]);
        peers.push(Self {
            name: "FastAPI + Mangum".into(),
            kind: Kind::FastApi,
            asked: Asked::Me,
            function,
            size: size_of_package,
        });

        let node = existing(&built.cache.join("node/node"))?;
        let authority = built.cache.join("authority.pem");
        for (name, file) in [("Node, Hono", "hono.cjs"), ("Node, no framework", "plain.cjs")] {
            let bundle = existing(&built.cache.join("node").join(file))?;
            let mut function =
                like_auth("node", vec![path(&node), path(&bundle)], &[("NODE_EXTRA_CA_CERTS", &authority)]);
            function.environment.insert("AWS_EXECUTION_ENV".into(), "AWS_Lambda_nodejs20.x".into());
            peers.push(Self {
                name: name.into(),
                kind: Kind::Node,
                asked: Asked::Me,
                function,
                size: size(&bundle, &[]),
            });
        }
        all.extend(peers);
        Ok(all)
    }
}

fn ours(scene: &Scene, built: &Built, name: &str, asked: Asked) -> Result<Contender, String> {
    let program = existing(&built.release.join(name))?;
    let size = size(&program, &[]);
    if size < 1_000_000 {
        return Err(format!("{} has {size} bytes: is it a link?", program.display()));
    }
    let mut function = scene.deployment.function(name, &program.display().to_string());
    let more = BTreeMap::from([
        ("AWS_ENDPOINT_URL_DYNAMODB", scene.front.url.clone()),
        ("SSL_CERT_FILE", built.cache.join("roots.pem").display().to_string()),
    ]);
    function.environment.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(Contender { name: format!("Dchat, {name}"), kind: Kind::Ours, asked, function, size })
}

fn existing(path: &Path) -> Result<PathBuf, String> {
    if path.exists() {
        Ok(path.to_owned())
    } else {
        Err(format!("{} is not there: bench/run makes it", path.display()))
    }
}

impl Asked {
    /// The event, for the n-th time.
    pub(crate) fn event(self, scene: &Scene, number: usize) -> String {
        match self {
            Self::Me => scene.me(Signed::In),
            Self::Show => scene.show(),
            Self::Ping => scene.ping(number),
            Self::Recordings => scene.recordings(),
            Self::Minute => scene::minute(),
        }
    }

    /// How many sessions its events are of, one after another.
    pub(crate) fn sessions(self) -> usize {
        if self == Self::Ping { SOCKETS } else { 1 }
    }

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Me => "`GET /auth/me`",
            Self::Show => "`GET /api/webrtc/call/{id}`",
            Self::Ping => "frame `ping`",
            Self::Recordings => "`GET /api/recordings`",
            Self::Minute => "an idle minute",
        }
    }

    /// Requests to the store of one warm invocation, at most.
    pub(crate) fn requests(self) -> f64 {
        match self {
            Self::Me | Self::Show | Self::Recordings => 1.0,
            Self::Minute => 2.0,
            Self::Ping => 3.0,
        }
    }
}
