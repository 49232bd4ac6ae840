{{/* The settings file: what the values say under `settings`, and over it what the chart decides. */}}
{{- define "mailwheel.settings" -}}
{{- $listen := .Values.listenAddress -}}
{{- $files := "/etc/mailwheel" -}}
{{- $redis := dict -}}
{{- $given := .Values.redis -}}
{{- if eq $given.mode "bundled" -}}
{{- $_ := set $redis "url" (printf "redis://%s-redis:6379" (include "mailwheel.fullname" .)) -}}
{{- else if eq $given.mode "url" -}}
{{- $_ := set $redis "url" (required "redis.mode is url: redis.url must say where Redis is" $given.url) -}}
{{- else if eq $given.mode "sentinel" -}}
{{- if not $given.sentinel.addresses }}{{ fail "redis.mode is sentinel: redis.sentinel.addresses must name at least one Sentinel" }}{{ end -}}
{{- $sentinel := dict "name" $given.sentinel.name "addresses" $given.sentinel.addresses -}}
{{- if $given.sentinel.username }}{{ $_ := set $sentinel "username" $given.sentinel.username }}{{ end -}}
{{- if $given.sentinel.existingSecret }}{{ $_ := set $sentinel "passwordFile" (printf "%s/sentinel-password/password" $files) }}{{ end -}}
{{- $_ := set $redis "sentinel" $sentinel -}}
{{- else -}}
{{- if not $given.cluster.addresses }}{{ fail "redis.mode is cluster: redis.cluster.addresses must name at least one node" }}{{ end -}}
{{- $_ := set $redis "cluster" (dict "addresses" $given.cluster.addresses) -}}
{{- end -}}
{{- if and $given.username (ne $given.mode "bundled") }}{{ $_ := set $redis "username" $given.username }}{{ end -}}
{{- if $given.existingSecret }}{{ $_ := set $redis "passwordFile" (printf "%s/redis-password/password" $files) }}{{ end -}}
{{- if and $given.tls.enabled (ne $given.mode "bundled") -}}
{{- $tls := dict -}}
{{- if $given.tls.serverName }}{{ $_ := set $tls "serverName" $given.tls.serverName }}{{ end -}}
{{- if $given.tls.existingSecret -}}
{{- $_ := set $tls "caFile" (printf "%s/redis-tls/ca.crt" $files) -}}
{{- if $given.tls.clientCertificate -}}
{{- $_ := set $tls "certificateFile" (printf "%s/redis-tls/tls.crt" $files) -}}
{{- $_ := set $tls "keyFile" (printf "%s/redis-tls/tls.key" $files) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $redis "tls" $tls -}}
{{- end -}}
{{- /* Without tokens nobody could be told apart: the HTTP API then listens on loopback, where only the pod is. */ -}}
{{- $http := dict "listen" (printf "%s:8025" (ternary $listen "127.0.0.1" (ne .Values.ingress.httpTokensSecret ""))) -}}
{{- $ingress := dict "listen" (printf "%s:9463" $listen) "smtp" (dict "listen" (printf "%s:2525" $listen)) "http" $http -}}
{{- /* `int`: Helm 3.18.0 hands numbers of values.yaml over as texts, and "0" is true. */ -}}
{{- if int .Values.ingress.service.smtpsPort -}}
{{- $_ := required "ingress.service.smtpsPort needs settings.ingress.smtp.tls: a certificate (secretMounts brings it)" (dig "ingress" "smtp" "tls" "" .Values.settings) -}}
{{- $_ := set $ingress "smtps" (dict "listen" (printf "%s:2465" $listen)) -}}
{{- end -}}
{{- $own := dict "routesFile" (printf "%s/routes/routes.txt" $files) "redis" $redis "ingress" $ingress -}}
{{- $_ := set $own "worker" (dict "listen" (printf "%s:9464" $listen)) -}}
{{- if .Values.console.enabled -}}
{{- $_ := required "console.enabled needs console.loginSecret: a Secret with the password" .Values.console.loginSecret -}}
{{- $login := dict "user" .Values.console.user "passwordFile" (printf "%s/console-password/password" $files) -}}
{{- $_ := set $own "console" (dict "listen" (printf "%s:3000" $listen) "login" $login) -}}
{{- end -}}
{{- mustMergeOverwrite (deepCopy .Values.settings) $own | toYaml -}}
{{- end -}}

{{/* Seconds a role may take to drain, as its settings say; whole, rounded up. */}}
{{- define "mailwheel.drainSeconds" -}}
{{- $default := dict "ingress" 10 "worker" 30 -}}
{{- $of := default dict (index .root.Values.settings .component) -}}
{{- ternary (index $of "drainSeconds") (index $default .component) (hasKey $of "drainSeconds") | ceil | int -}}
{{- end -}}
