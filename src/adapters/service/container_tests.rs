use super::*;

const BRIDGED: &str = r#"{
  "Id": "85831c14", "Name": "/registry", "State": {"Running": true, "Pid": 7},
  "Path": "/entrypoint.sh", "Args": ["/etc/docker/registry/config.yml"],
  "Config": {"Env": ["PATH=/bin", "REGISTRY_STORAGE_DELETE_ENABLED=true", "REGISTRY_HTTP_SECRET=a=b", "EMPTY"]},
  "HostConfig": {"NetworkMode": "default"},
  "Mounts": [
    {"Type": "volume", "Source": "/var/lib/docker/volumes/v/_data", "Destination": "/var/lib/registry"},
    {"Type": "bind", "Source": "/srv/config.yml", "Destination": "/etc/docker/registry/config.yml"},
    {"Type": "bind", "Source": "/mnt/big", "Destination": "/var/lib/registry/docker"},
    {"Type": "tmpfs", "Source": "", "Destination": "/tmp"}
  ],
  "NetworkSettings": {
    "IPAddress": "172.17.0.2",
    "Ports": {"5000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "5443"}, {"HostIp": "::", "HostPort": "5443"}],
              "5001/tcp": [{"HostIp": "127.0.0.2", "HostPort": "32768"}], "5002/tcp": null, "53/udp": null},
    "Networks": {"bridge": {"IPAddress": "172.17.0.2"}}
  }
}"#;

fn bridged() -> Container {
    Container::parse(BRIDGED.as_bytes()).unwrap()
}

fn host(container: &Container, inside: &str) -> Option<String> {
    container.host_path(Path::new(inside)).map(|path| path.display().to_string())
}

#[test]
fn paths_go_through_the_longest_mount() {
    let container = bridged();
    assert_eq!(host(&container, "/var/lib/registry"), Some("/var/lib/docker/volumes/v/_data".into()));
    assert_eq!(host(&container, "/var/lib/registry/"), Some("/var/lib/docker/volumes/v/_data".into()));
    assert_eq!(host(&container, "/var/lib/registry/docker/registry"), Some("/mnt/big/registry".into()));
    assert_eq!(host(&container, "/etc/docker/registry/config.yml"), Some("/srv/config.yml".into()));
    assert_eq!(host(&container, "/var/lib/registry-other"), None);
    assert_eq!(host(&container, "/tmp/x"), None);
}

#[test]
fn forwarded_ports_are_reached_on_the_host() {
    let container = bridged();
    assert_eq!(container.reach(":5000").as_deref(), Some("127.0.0.1:5443"));
    assert_eq!(container.reach("0.0.0.0:5001").as_deref(), Some("127.0.0.2:32768"));
    assert_eq!(container.reach("[::]:5002").as_deref(), Some("172.17.0.2:5002"));
    assert_eq!(container.reach("5000"), None);
}

#[test]
fn the_host_network_needs_no_forwarding() {
    let container = Container { on_host_network: true, ..bridged() };
    assert_eq!(container.reach(":5000").as_deref(), Some("127.0.0.1:5000"));
    assert_eq!(container.reach("0.0.0.0:5000").as_deref(), Some("127.0.0.1:5000"));
    assert_eq!(container.reach("127.0.0.9:80").as_deref(), Some("127.0.0.9:80"));
    assert_eq!(container.reach("[::1]:80").as_deref(), Some("[::1]:80"));
}

#[test]
fn the_config_is_where_the_command_or_the_environment_says() {
    let paths = |argv: &[&str], environment: &[(&str, &str)]| {
        let argv = argv.iter().map(ToString::to_string).collect();
        let environment = environment.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        Container { argv, environment, ..bridged() }.config_paths()
    };
    assert_eq!(paths(&["registry", "serve", "/c.yaml"], &[]), [PathBuf::from("/c.yaml")]);
    let named = [("REGISTRY_CONFIGURATION_PATH", "/e.yml")];
    assert_eq!(paths(&["registry", "serve"], &named), [PathBuf::from("/e.yml")]);
    assert_eq!(paths(&["registry"], &[]), CONFIGS.map(PathBuf::from));
}

#[test]
fn only_the_registry_s_variables_are_overrides() {
    let container = bridged();
    let overrides: Vec<_> = container.overrides().collect();
    assert_eq!(overrides, [("REGISTRY_HTTP_SECRET", "a=b"), ("REGISTRY_STORAGE_DELETE_ENABLED", "true")]);
}

#[test]
fn empty_lists_may_be_null_or_left_out() {
    let container =
        Container::parse(br#"{"Id": "x", "Args": null, "Mounts": null, "NetworkSettings": {"Ports": null}}"#);
    let container = container.unwrap();
    assert_eq!((container.mounts.len(), container.ports.len(), container.running), (0, 0, false));
    assert_eq!(container.reach(":5000"), None);
}

#[test]
fn the_values_of_the_environment_are_not_shown() {
    let shown = format!("{:?}", bridged().environment);
    assert_eq!(shown, r#"{"EMPTY", "PATH", "REGISTRY_HTTP_SECRET", "REGISTRY_STORAGE_DELETE_ENABLED"}"#);
}
