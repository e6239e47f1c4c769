# What guarded garbage collection needs in one image: the registry's own collector, regfsck, and kubectl for the window in
# which nobody pushes. Name the images that your cluster uses; the registry's must be the one that is deployed.
ARG REGISTRY=registry:3
ARG REGFSCK=regfsck
ARG KUBECTL=registry.k8s.io/kubectl:v1.34.0
FROM ${REGFSCK} AS regfsck
FROM ${KUBECTL} AS kubectl
FROM ${REGISTRY}
COPY --from=regfsck /regfsck /usr/local/bin/regfsck
COPY --from=kubectl /bin/kubectl /usr/local/bin/kubectl
COPY guard.sh /usr/local/bin/guard.sh
ENTRYPOINT ["/bin/sh", "/usr/local/bin/guard.sh"]
