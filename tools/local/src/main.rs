//! `dchat`: all of Dchat on this machine.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt as _;
use local::banner::Banner;
use local::people::PEOPLE;
use local::{Options, Stack};

const HELP: &str = "\
dchat: all of Dchat on this machine

  dchat          start
  dchat reset    make the demo world anew, whether or not a dchat runs

  --port PORT    listen on this port (or PORT in the environment; default 3000, 0 takes a free one)
  --data DIR     keep everything in this folder (default ./.dchat)
  --ephemeral    keep nothing
  --empty        without the demo people
  --unlimited    without rate limits, for load tests and fuzzers
  --help, --version
";

enum Run {
    Serve(Options),
    Reset(PathBuf),
    Print(String),
}

fn read_arguments() -> Result<Run, lexopt::Error> {
    let mut options = Options { port: 3000, data: Some(PathBuf::from(".dchat")), demo: true, limited: true };
    if let Some(port) = api::Env::text("PORT") {
        options.port = port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?;
    }
    let mut arguments = lexopt::Parser::from_env();
    let mut reset = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") | Short('p') => options.port = arguments.value()?.parse()?,
            Long("data") => options.data = Some(arguments.value()?.into()),
            Long("ephemeral") => options.data = None,
            Long("empty") => options.demo = false,
            Long("unlimited") => options.limited = false,
            Value(command) if command == "reset" => reset = true,
            Long("help") | Short('h') => return Ok(Run::Print(HELP.into())),
            Long("version") | Short('V') => return Ok(Run::Print(format!("dchat {}\n", env!("CARGO_PKG_VERSION")))),
            _ => return Err(argument.unexpected()),
        }
    }
    match (reset, options.data) {
        (false, data) => Ok(Run::Serve(Options { data, ..options })),
        (true, Some(data)) => Ok(Run::Reset(data)),
        (true, None) => Err("--ephemeral keeps nothing that could be reset".into()),
    }
}

async fn run(options: Options, started: Instant) -> Result<(), String> {
    let stack = Stack::start(&options).await?;
    let enter = if options.demo { Some(stack.enter_link(PEOPLE[0]).await?) } else { None };
    let token = if options.demo { Some(stack.token(PEOPLE[0]).await?) } else { None };
    println!(
        "{}",
        Banner {
            port: stack.address().port(),
            data: options.data.as_deref(),
            enter: enter.as_deref(),
            token: token.as_deref(),
            stand_in: stack.has_stand_in(),
            took: started.elapsed(),
        }
    );
    let stopped = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("cannot wait for Ctrl-C: {error}");
            std::future::pending::<()>().await;
        }
    };
    stack.serve(stopped).await;
    println!("stopped.");
    Ok(())
}

fn main() -> ExitCode {
    let started = Instant::now();
    let options = match read_arguments() {
        Ok(Run::Serve(options)) => options,
        Ok(Run::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Ok(Run::Reset(folder)) => {
            return match local::reset::reset(&folder) {
                Ok(line) => {
                    println!("{line}");
                    ExitCode::SUCCESS
                }
                Err(line) => {
                    eprintln!("{line}");
                    ExitCode::FAILURE
                }
            };
        }
        Err(error) => {
            eprintln!("{error}. Run: dchat --help");
            return ExitCode::from(2);
        }
    };
    // The engine warns of every condition that does not hold, and that is what conditions are for.
    let level = api::Env::text("LOG_LEVEL").unwrap_or_else(|| "warn".into());
    let filter = tracing_subscriber::EnvFilter::new(format!("{level},dynoxide=error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(options, started)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}
