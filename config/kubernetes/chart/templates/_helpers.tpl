{{- define "shipper.name" -}}
{{- $both := printf "%s-%s" .Release.Name .Chart.Name }}
{{- ternary .Release.Name $both (contains .Chart.Name .Release.Name) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "shipper.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "shipper.labels" -}}
{{ include "shipper.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "shipper.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else }}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
{{- end }}

{{- define "shipper.hook" -}}
{{- dig "capture" "hook" "cgroup" .Values.config }}
{{- end }}

{{- define "shipper.hostNetwork" -}}
{{- or .Values.hostNetwork (eq (include "shipper.hook" .) "interface") }}
{{- end }}

{{- define "shipper.priorityClass" -}}
{{- default (ternary (include "shipper.name" .) "" .Values.priorityClass.create) .Values.priorityClass.name }}
{{- end }}

{{- define "shipper.updateStrategy" -}}
{{- if .Values.updateStrategy }}
{{- toYaml .Values.updateStrategy }}
{{- else if eq (include "shipper.hostNetwork" .) "true" }}
{{- toYaml (dict "type" "RollingUpdate" "rollingUpdate" (dict "maxUnavailable" 1 "maxSurge" 0)) }}
{{- else }}
{{- toYaml (dict "type" "RollingUpdate" "rollingUpdate" (dict "maxUnavailable" 0 "maxSurge" 1)) }}
{{- end }}
{{- end }}
