{{/*
Pod of one role. Called with: root, component, values (of the component), port and portName of its health and metrics,
ports (YAML), preStop (seconds), grace (seconds), env (YAML), mounts (YAML), volumes (YAML).
*/}}
{{- define "mailwheel.pod" -}}
{{- $root := .root -}}
metadata:
  annotations:
    checksum/settings: {{ include "mailwheel.settings" $root | sha256sum }}
    {{- with $root.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "mailwheel.labels" . | nindent 4 }}
    {{- with $root.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "mailwheel.serviceAccountName" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .grace }}
  {{- with .values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    runAsGroup: 1000
    fsGroup: 1000
    seccompProfile:
      type: RuntimeDefault
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "mailwheel.selector" $ | nindent 10 }}
      matchLabelKeys:
        - pod-template-hash
    {{- end }}
  {{- with .values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "mailwheel.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [{{ .component }}, --config, /etc/mailwheel/settings/mailwheel.yaml]
      {{- with .env }}
      env:
        {{- . | nindent 8 }}
      {{- end }}
      ports:
        {{- .ports | nindent 8 }}
      startupProbe:
        httpGet:
          path: /livez
          port: {{ .portName }}
        periodSeconds: 2
        failureThreshold: 30
      livenessProbe:
        httpGet:
          path: /livez
          port: {{ .portName }}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet:
          path: /readyz
          port: {{ .portName }}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      {{- if int .preStop }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ .preStop }}
      {{- end }}
      resources:
        {{- toYaml .values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: settings
          mountPath: /etc/mailwheel/settings
          readOnly: true
        # A folder and not a single file (subPath): only folders are brought up to date in running pods.
        - name: routes
          mountPath: /etc/mailwheel/routes
          readOnly: true
        {{- if $root.Values.redis.existingSecret }}
        - name: redis-password
          mountPath: /etc/mailwheel/redis-password
          readOnly: true
        {{- end }}
        {{- if include "mailwheel.sentinelSecret" $root }}
        - name: sentinel-password
          mountPath: /etc/mailwheel/sentinel-password
          readOnly: true
        {{- end }}
        {{- if include "mailwheel.tlsSecret" $root }}
        - name: redis-tls
          mountPath: /etc/mailwheel/redis-tls
          readOnly: true
        {{- end }}
        {{- with .mounts }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- range $root.Values.secretMounts }}
        - name: secret-{{ .name }}
          mountPath: /etc/mailwheel/secrets/{{ .name }}
          readOnly: true
        {{- end }}
  volumes:
    - name: settings
      configMap:
        name: {{ include "mailwheel.fullname" $root }}
    - name: routes
      configMap:
        name: {{ include "mailwheel.routesConfigMap" $root }}
    {{- if $root.Values.redis.existingSecret }}
    {{- include "mailwheel.passwordVolume" (list "redis-password" $root.Values.redis.existingSecret $root.Values.redis.existingSecretKey) | nindent 4 }}
    {{- end }}
    {{- if include "mailwheel.sentinelSecret" $root }}
    {{- include "mailwheel.passwordVolume" (list "sentinel-password" $root.Values.redis.sentinel.existingSecret $root.Values.redis.sentinel.existingSecretKey) | nindent 4 }}
    {{- end }}
    {{- if include "mailwheel.tlsSecret" $root }}
    - name: redis-tls
      secret:
        secretName: {{ $root.Values.redis.tls.existingSecret }}
        defaultMode: 288
    {{- end }}
    {{- with .volumes }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- range $root.Values.secretMounts }}
    - name: secret-{{ .name }}
      secret:
        secretName: {{ .secretName }}
        defaultMode: 288
    {{- end }}
{{- end -}}

{{/* One key of a Secret as the file `password`, readable by the group of the pod (0440). Called with a list: volume, Secret, key. */}}
{{- define "mailwheel.passwordVolume" -}}
- name: {{ index . 0 }}
  secret:
    secretName: {{ index . 1 }}
    defaultMode: 288
    items:
      - key: {{ index . 2 }}
        path: password
{{- end -}}

{{- define "mailwheel.sentinelSecret" -}}
{{- if eq .Values.redis.mode "sentinel" }}{{ .Values.redis.sentinel.existingSecret }}{{ end -}}
{{- end -}}

{{- define "mailwheel.tlsSecret" -}}
{{- if and .Values.redis.tls.enabled (ne .Values.redis.mode "bundled") }}{{ .Values.redis.tls.existingSecret }}{{ end -}}
{{- end -}}
